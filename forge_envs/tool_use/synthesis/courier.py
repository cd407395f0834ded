"""Templates of the courier suite."""

from forge_envs.tool_use.domains.courier import Courier
from forge_envs.tool_use.synthesis.build import Suite, Template
from forge_envs.tool_use.synthesis.courier_world import World, draw_world
from forge_envs.tool_use.synthesis.desk import Desk, Draft
from forge_envs.tool_use.synthesis.entities import Source


def date_by_id(s: Source, _: int) -> Draft:
    world = draw_world(s)
    desk = Desk(Courier, world.state)
    day = desk.call("track_parcel", parcel=world.parcel)["date"]
    desk.say(f"It comes on {day}.")
    texts = [
        f"When will parcel {world.parcel} arrive?",
        f"On which day do I get my parcel {world.parcel}?",
        f"I am waiting for parcel {world.parcel}. When does it come?",
        f"Hello, tell me the delivery day of {world.parcel}, please.",
    ]
    return desk.draft(s.rng.choice(texts), [day])


def depot_by_street(s: Source, _: int) -> Draft:
    world = draw_world(s)
    desk = Desk(Courier, world.state)
    found = desk.call("find_depot", street=world.street)
    desk.say(f"Depot {found['depot']} opens at {found['opens']}.")
    texts = [
        f"Which depot is in {world.street}, and when does it open?",
        f"Tell me the id and the opening time of the depot in {world.street}.",
        f"I need the depot id for {world.street}. From what time is it open?",
    ]
    return desk.draft(s.rng.choice(texts), [found["depot"], found["opens"]])


def reschedule_by_id(s: Source, _: int) -> Draft:
    world = draw_world(s)
    desk = Desk(Courier, world.state)
    day = _new_day(s, world)
    _reschedule(desk, world.parcel, day)
    texts = [
        f"Please deliver parcel {world.parcel} on {day}.",
        f"Move the delivery of {world.parcel} to {day}.",
        f"I am away. Can you bring parcel {world.parcel} on {day}?",
        f"The new day for my parcel {world.parcel} should be {day}.",
    ]
    return desk.draft(s.rng.choice(texts))


def phone_by_id(s: Source, _: int) -> Draft:
    world = draw_world(s)
    desk = Desk(Courier, world.state)
    phone = s.number(6)
    desk.call("update_phone", customer=world.me, phone=phone)
    desk.say(f"Done. Your phone number is {phone}.")
    texts = [
        f"I am customer {world.me}. My new phone number is {phone}.",
        f"Please change the phone number of customer {world.me} to {phone}.",
        f"My customer id is {world.me}, call {phone} from now on.",
    ]
    return desk.draft(s.rng.choice(texts))


def send_by_street(s: Source, _: int) -> Draft:
    world = draw_world(s)
    desk = Desk(Courier, world.state)
    code = _send(desk, world.parcel, world.street)
    texts = [
        f"Please keep parcel {world.parcel} at the depot in {world.street}. What is the code?",
        f"I will pick up {world.parcel} at the depot in {world.street}. Tell me the code.",
        f"Send {world.parcel} to the depot in {world.street} and give me the code.",
    ]
    return desk.draft(s.rng.choice(texts), [code])


def reschedule_by_item(s: Source, index: int) -> Draft:
    """One parcel of two; every sixth task moves both in one turn."""
    world = draw_world(s)
    desk = Desk(Courier, world.state)
    day = _new_day(s, world)
    customer = _find(desk, world)
    if index % 6 == 5:
        mine = [entry["parcel"] for entry in desk.call("list_parcels", customer=customer)]
        desk.together(*[("reschedule_parcel", {"parcel": parcel, "day": day}) for parcel in mine])
        desk.say(f"Done. Both parcels come on {day}.")
        what = "both of my parcels"
    else:
        _reschedule(desk, _parcel_with(desk, customer, world.entry["item"]), day)
        what = world.words
    texts = [
        f"Please deliver {what} on {day}. My phone number is {world.phone}.",
        f"My phone number is {world.phone}. I need {what} on {day}.",
        f"Can you bring {what} on {day}? My phone is {world.phone}.",
    ]
    return desk.draft(s.rng.choice(texts))


def depot_by_item(s: Source, _: int) -> Draft:
    world = draw_world(s)
    desk = Desk(Courier, world.state)
    code = _send(desk, _parcel_with(desk, _find(desk, world), world.entry["item"]), world.street)
    texts = [
        f"Please keep {world.words} at the depot in {world.street} and tell me the code. My phone is {world.phone}.",
        f"My phone is {world.phone}. I will pick up {world.words} at the depot in {world.street}. What is the code?",
        f"Send {world.words} to the depot in {world.street}. Which code do I need? My phone is {world.phone}.",
    ]
    return desk.draft(s.rng.choice(texts), [code])


def address_by_item(s: Source, _: int) -> Draft:
    world = draw_world(s)
    desk = Desk(Courier, world.state)
    parcel = _parcel_with(desk, _find(desk, world), world.entry["item"])
    address = desk.call("track_parcel", parcel=parcel)["address"]
    desk.say(f"It goes to {address}.")
    texts = [
        f"Where does {world.words} go? My phone number is {world.phone}.",
        f"My phone number is {world.phone}. Which address is on {world.words}?",
        f"I forgot the address for {world.words}. Can you tell me? My phone is {world.phone}.",
    ]
    return desk.draft(s.rng.choice(texts), [address])


def lost_decision(s: Source, index: int) -> Draft:
    """Half of the parcels are not lost; the others are refunded or claimed by their value."""
    case = ("moving", "refund", "delivered", "claim")[index % 4]
    if case in ("moving", "delivered"):
        world = draw_world(s, status=case)
    else:
        world = draw_world(s, status="lost", value=(10, 50) if case == "refund" else (50, 99))
    desk = Desk(Courier, world.state)
    parcel = _parcel_with(desk, _find(desk, world), world.entry["item"])
    if world.entry["status"] != "lost":
        desk.say(f"I am sorry, parcel {parcel} is not lost, so I can't refund it.")
    else:
        value = desk.call("track_parcel", parcel=parcel)["value"]
        if case == "refund":
            desk.call("refund_parcel", parcel=parcel, amount=value)
            desk.say(f"Done. I refunded {value}.")
        else:
            claim = desk.call("open_claim", parcel=parcel, amount=value)["claim"]
            desk.say(f"Done. Your claim is {claim}.")
    texts = [
        f"I think {world.words} is lost. I want my money back. My phone number is {world.phone}.",
        f"My phone number is {world.phone}. Please pay me for {world.words}, it never came.",
        f"Where is {world.words}? I want a refund. My phone is {world.phone}.",
    ]
    return desk.draft(s.rng.choice(texts))


def redirect_consent(s: Source, index: int) -> Draft:
    """The user agrees to the fee in two of three tasks."""
    world = draw_world(s)
    desk = Desk(Courier, world.state)
    address = s.address()
    fee = desk.call("track_parcel", parcel=world.parcel)["fee"]
    _ask_consent(s, desk, fee, agrees=index % 3 != 2)
    if index % 3 != 2:
        _redirect(desk, world.parcel, address)
    else:
        desk.say("All right. Nothing is changed.")
    texts = [
        f"Please send parcel {world.parcel} to {address} instead.",
        f"My parcel {world.parcel} should go to {address}.",
        f"I have moved. Deliver {world.parcel} to {address}, please.",
    ]
    return desk.draft(s.rng.choice(texts), [str(fee)])


def redirect_ask_address(s: Source, _: int) -> Draft:
    world = draw_world(s)
    desk = Desk(Courier, world.state)
    address = s.address()
    replies = [f"{address}.", f"It is {address}.", f"To {address}, please."]
    desk.ask("What is the new address?", "address", s.rng.choice(replies))
    fee = desk.call("track_parcel", parcel=world.parcel)["fee"]
    _ask_consent(s, desk, fee, agrees=True)
    _redirect(desk, world.parcel, address)
    texts = [
        f"Please send parcel {world.parcel} to another address.",
        f"My parcel {world.parcel} goes to the wrong address.",
        f"I have moved. Can you redirect {world.parcel}?",
    ]
    return desk.draft(s.rng.choice(texts), [str(fee)])


def ask_phone_reschedule(s: Source, _: int) -> Draft:
    world = draw_world(s)
    desk = Desk(Courier, world.state)
    day = _new_day(s, world)
    _ask_phone(s, desk, world)
    _reschedule(desk, _parcel_with(desk, _find(desk, world), world.entry["item"]), day)
    texts = [
        f"Please deliver {world.words} on {day}.",
        f"I need {world.words} on {day}.",
        f"Can you bring {world.words} on {day}?",
        f"Move the delivery of {world.words} to {day}.",
    ]
    return desk.draft(s.rng.choice(texts))


def phone_then_reschedule(s: Source, _: int) -> Draft:
    """Held out: `phone_by_id` and `reschedule_by_item` in one."""
    world = draw_world(s)
    desk = Desk(Courier, world.state)
    day, phone = _new_day(s, world), s.number(6)
    customer = _find(desk, world)
    desk.call("update_phone", customer=customer, phone=phone)
    _reschedule(desk, _parcel_with(desk, customer, world.entry["item"]), day)
    texts = [
        f"My phone number {world.phone} is now {phone}. Change it, then deliver {world.words} on {day}.",
        f"Please change my phone number {world.phone} to {phone}. I also need {world.words} on {day}.",
        f"My phone is {world.phone}. The new number is {phone}, and please bring {world.words} on {day}.",
    ]
    return desk.draft(s.rng.choice(texts))


def ask_phone_depot(s: Source, _: int) -> Draft:
    """Held out: `ask_phone_reschedule` and `depot_by_item` in one."""
    world = draw_world(s)
    desk = Desk(Courier, world.state)
    _ask_phone(s, desk, world)
    code = _send(desk, _parcel_with(desk, _find(desk, world), world.entry["item"]), world.street)
    texts = [
        f"Please keep {world.words} at the depot in {world.street} and tell me the code.",
        f"I will pick up {world.words} at the depot in {world.street}. What is the code?",
        f"Send {world.words} to the depot in {world.street}. Which code do I need?",
    ]
    return desk.draft(s.rng.choice(texts), [code])


def _find(desk: Desk, world: World) -> str:
    return str(desk.call("find_customer", phone=world.phone)["customer"])


def _parcel_with(desk: Desk, customer: str, item: str) -> str:
    parcels = desk.call("list_parcels", customer=customer)
    return next(str(parcel["parcel"]) for parcel in parcels if parcel["item"] == item)


def _reschedule(desk: Desk, parcel: str, day: str) -> None:
    desk.call("reschedule_parcel", parcel=parcel, day=day)
    desk.say(f"Done. Parcel {parcel} comes on {day}.")


def _redirect(desk: Desk, parcel: str, address: str) -> None:
    desk.call("redirect_parcel", parcel=parcel, address=address)
    desk.say(f"Done. Parcel {parcel} goes to {address}.")


def _send(desk: Desk, parcel: str, street: str) -> str:
    depot = desk.call("find_depot", street=street)["depot"]
    code = str(desk.call("send_to_depot", parcel=parcel, depot=depot)["code"])
    desk.say(f"Done. Your code is {code}.")
    return code


def _ask_phone(s: Source, desk: Desk, world: World) -> None:
    replies = [f"It is {world.phone}.", f"My phone number is {world.phone}.", f"Sure, {world.phone}."]
    desk.ask("What is your phone number?", "phone", s.rng.choice(replies))


def _ask_consent(s: Source, desk: Desk, fee: float, agrees: bool) -> None:
    replies = ["Yes, please.", "Yes, do it.", "Yes."] if agrees else ["No, leave it.", "No, too much.", "No."]
    desk.ask(f"This costs {fee}. Do you agree?", str(fee), s.rng.choice(replies))


def _new_day(s: Source, world: World) -> str:
    return s.day_after(str(world.state["today"]), 1, 12)


SUITE = Suite(
    "courier",
    "A courier's service desk: deliveries, redirects, depots, refunds and claims.",
    (
        Template(date_by_id, 1, 120, 8),
        Template(depot_by_street, 1, 120, 8),
        Template(reschedule_by_id, 1, 120, 8),
        Template(phone_by_id, 1, 120, 8),
        Template(send_by_street, 1, 120, 8),
        Template(reschedule_by_item, 2, 200, 10),
        Template(depot_by_item, 2, 200, 9),
        Template(address_by_item, 2, 200, 9),
        Template(phone_then_reschedule, 2, 0, 12),
        Template(lost_decision, 3, 120, 8),
        Template(redirect_consent, 3, 75, 3),
        Template(redirect_ask_address, 3, 45, 2),
        Template(ask_phone_reschedule, 3, 60, 2),
        Template(ask_phone_depot, 3, 0, 5),
    ),
)
