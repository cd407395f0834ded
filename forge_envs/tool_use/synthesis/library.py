"""Templates of the library suite."""

from forge_envs.tool_use.domains.library import MAX_RENEWALS, Library
from forge_envs.tool_use.synthesis.build import Suite, Template
from forge_envs.tool_use.synthesis.desk import Desk, Draft
from forge_envs.tool_use.synthesis.entities import Source
from forge_envs.tool_use.synthesis.library_world import REASONS, World, draw_world


def _loan_of(desk: Desk, member: str, title: str) -> str:
    loans = desk.call("list_loans", member=member)
    return next(str(loan["loan"]) for loan in loans if loan["title"] == title)


def _renew(desk: Desk, loan: str) -> None:
    due = desk.call("renew_loan", loan=loan)["due"]
    desk.say(f"Done. Loan {loan} is due on {due}.")


def shelf_by_title(s: Source, _: int) -> Draft:
    world = draw_world(s)
    desk = Desk(Library, world.state)
    title, shelf = world.shelved["title"], world.shelved["shelf"]
    desk.call("find_book", title=title)
    desk.say(f"It is on shelf {shelf}.")
    texts = [
        f"Where do I find the book {title}?",
        f"On which shelf is {title}, please?",
        f"I am looking for {title}. Which shelf is it on?",
        f"Hello, tell me the shelf of {title}.",
    ]
    return desk.draft(s.rng.choice(texts), [shelf])


def return_by_id(s: Source, _: int) -> Draft:
    world = draw_world(s)
    desk = Desk(Library, world.state)
    desk.call("return_loan", loan=world.loan)
    desk.say(f"Done. Loan {world.loan} is returned.")
    texts = [
        f"I bring back my loan {world.loan}.",
        f"Please take back loan {world.loan}.",
        f"Here is a book to return, the loan is {world.loan}.",
        f"I have finished with loan {world.loan} and want to return it.",
    ]
    return desk.draft(s.rng.choice(texts))


def pay_by_id(s: Source, _: int) -> Draft:
    world = draw_world(s, late=(1, 20), lost=(5, 40))
    desk = Desk(Library, world.state)
    fine = world.fines[s.rng.choice(list(REASONS))]
    amount = world.state["fines"][fine]["amount"]
    desk.call("pay_fine", fine=fine, amount=amount)
    desk.say(f"Done. Fine {fine} is paid.")
    texts = [
        f"I want to pay fine {fine}, it is {amount}.",
        f"Here are {amount} for my fine {fine}.",
        f"Please take {amount} for fine {fine}.",
        f"My fine {fine} is {amount}. I pay it now.",
    ]
    return desk.draft(s.rng.choice(texts))


def email_by_id(s: Source, _: int) -> Draft:
    world = draw_world(s)
    desk = Desk(Library, world.state)
    email = world.email_to_be
    desk.call("update_email", member=world.me, email=email)
    desk.say(f"Done. Your e-mail is {email}.")
    texts = [
        f"I am member {world.me}. My new e-mail is {email}.",
        f"Please change the e-mail of member {world.me} to {email}.",
        f"My member id is {world.me}, write to {email} from now on.",
    ]
    return desk.draft(s.rng.choice(texts))


def due_by_email(s: Source, _: int) -> Draft:
    world = draw_world(s)
    desk = Desk(Library, world.state)
    due = world.state["loans"][world.loan]["due"]
    desk.call("list_loans", member=desk.call("find_member", contact=world.email)["member"])
    desk.say(f"It is due on {due}.")
    texts = [
        f"When is {world.title} due? My e-mail is {world.email}.",
        f"My e-mail is {world.email}. Until when may I keep {world.title}?",
        f"I borrowed {world.title}. When must I return it? I am {world.email}.",
    ]
    return desk.draft(s.rng.choice(texts), [due])


def renew_by_email(s: Source, _: int) -> Draft:
    world = draw_world(s)
    desk = Desk(Library, world.state)
    member = desk.call("find_member", contact=world.email)["member"]
    _renew(desk, _loan_of(desk, member, world.title))
    texts = [
        f"Please renew my loan of {world.title}. My e-mail is {world.email}.",
        f"My e-mail is {world.email}. I want to keep {world.title} longer.",
        f"I am {world.email} and need more time for {world.title}.",
        f"Can you extend {world.title} for me? I am {world.email}.",
    ]
    return desk.draft(s.rng.choice(texts))


def pay_by_card(s: Source, index: int) -> Draft:
    """One fine of two; every sixth task pays both in one turn."""
    world = draw_world(s, late=(1, 20), lost=(5, 40))
    desk = Desk(Library, world.state)
    member = desk.call("find_member", contact=world.card)["member"]
    fines = desk.call("list_fines", member=member)
    if index % 6 == 5:
        calls = [("pay_fine", {"fine": fine["fine"], "amount": fine["amount"]}) for fine in fines]
        desk.together(*calls)
        desk.say("Done. Both fines are paid.")
        what = "both of my fines"
    else:
        fine = s.rng.choice(fines)
        desk.call("pay_fine", fine=fine["fine"], amount=fine["amount"])
        desk.say(f"Done. Fine {fine['fine']} is paid.")
        what = REASONS[fine["reason"]]
    texts = [
        f"I want to pay {what}. My card number is {world.card}.",
        f"My card is {world.card}. I would like to pay {what}.",
        f"Card {world.card} here, please let me pay {what}.",
    ]
    return desk.draft(s.rng.choice(texts))


def lend_by_card(s: Source, _: int) -> Draft:
    world = draw_world(s)
    desk = Desk(Library, world.state)
    title = world.shelved["title"]
    member = desk.call("find_member", contact=world.card)["member"]
    book = desk.call("find_book", title=title)["book"]
    lent = desk.call("lend_book", member=member, book=book)
    desk.say(f"Done. Loan {lent['loan']} is due on {lent['due']}.")
    return desk.draft(_borrow_words(s, title, world.card))


def borrow_decision(s: Source, index: int) -> Draft:
    """Asked as in `lend_by_card`, but no copy is free, or the member owes too much to borrow."""
    blocked = index % 2 == 1
    world = draw_world(s, lost=(10, 40)) if blocked else draw_world(s)
    book = world.shelved
    if blocked:
        # Only the large fine is open, so that the debt is its amount.
        world.state["fines"][world.fines["late"]]["status"] = "paid"
    else:
        book["free"] = 0
        # Sometimes another member waits already, so that the place is not always the first.
        if s.rng.random() < 0.5:
            book["waiting"] = [member for member in world.state["members"] if member != world.me]
    desk = Desk(Library, world.state)
    found = desk.call("find_member", contact=world.card)
    instruction = _borrow_words(s, book["title"], world.card)
    if blocked:
        desk.say(f"I am sorry, you owe {found['owes']}, so I can't lend a book.")
        return desk.draft(instruction, [str(found["owes"])])
    wanted = desk.call("find_book", title=book["title"])["book"]
    place = desk.call("place_hold", member=found["member"], book=wanted)["place"]
    desk.say(f"No copy is free. I placed a hold, you are number {place}.")
    return desk.draft(instruction)


def waive_decision(s: Source, index: int) -> Draft:
    """Four of seven tasks ask for a fine that may not be waived: too high, or for a lost book."""
    case = ("high", "low", "lost", "low", "high", "low", "lost")[index % 7]
    world = draw_world(s, late=(5, 10) if case == "high" else (1, 5), lost=(1, 9))
    reason = "lost" if case == "lost" else "late"
    what = REASONS[reason]
    desk = Desk(Library, world.state)
    member = desk.call("find_member", contact=world.card)["member"]
    desk.call("list_fines", member=member)
    fine = world.fines[reason]
    if case == "low":
        desk.call("waive_fine", fine=fine)
        desk.say(f"Done. Fine {fine} is waived.")
    else:
        desk.say(f"I am sorry, I can't waive fine {fine}.")
    texts = [
        f"Please cancel {what}. My card number is {world.card}.",
        f"My card is {world.card}. Could you waive {what}?",
        f"I don't want to pay {what}, please drop it. Card {world.card}.",
        f"Card {world.card} here. Can you forget {what}?",
    ]
    return desk.draft(s.rng.choice(texts))


def ask_card_renew(s: Source, _: int) -> Draft:
    world = draw_world(s)
    desk = Desk(Library, world.state)
    member = _ask_card(s, desk, world)
    _renew(desk, _loan_of(desk, member, world.title))
    texts = [
        f"Please renew my loan of {world.title}.",
        f"I want to keep {world.title} longer.",
        f"I need more time for {world.title}.",
        f"Can you extend {world.title} for me?",
    ]
    return desk.draft(s.rng.choice(texts))


def renew_or_return(s: Source, _: int) -> Draft:
    """The renewal works, so nothing else is to be done."""
    world = draw_world(s)
    desk = Desk(Library, world.state)
    _renew(desk, world.loan)
    return desk.draft(_renew_or_return_words(s, world))


def renew_or_return_after_error(s: Source, _: int) -> Draft:
    """The same words, but the first call is refused."""
    world = draw_world(s)
    world.state["loans"][world.loan]["renewals"] = MAX_RENEWALS
    desk = Desk(Library, world.state)
    desk.refused("renew_loan", loan=world.loan)
    desk.call("return_loan", loan=world.loan)
    desk.say(f"It can't be renewed. Loan {world.loan} is returned.")
    return desk.draft(_renew_or_return_words(s, world))


def email_then_renew(s: Source, _: int) -> Draft:
    """Held out: `email_by_id` and `renew_by_email` in one."""
    world = draw_world(s)
    desk = Desk(Library, world.state)
    email, member = world.email_to_be, desk.call("find_member", contact=world.email)["member"]
    desk.call("update_email", member=member, email=email)
    _renew(desk, _loan_of(desk, member, world.title))
    texts = [
        f"My e-mail {world.email} is now {email}. Change it, then renew my loan of {world.title}.",
        f"Please change my e-mail {world.email} to {email}. I also want to keep {world.title} longer.",
        f"I am {world.email}. My new e-mail is {email}, and I need more time for {world.title}.",
    ]
    return desk.draft(s.rng.choice(texts))


def ask_card_return(s: Source, _: int) -> Draft:
    """Held out: `ask_card_renew` and `return_by_id` in one."""
    world = draw_world(s)
    desk = Desk(Library, world.state)
    loan = _loan_of(desk, _ask_card(s, desk, world), world.title)
    desk.call("return_loan", loan=loan)
    desk.say(f"Done. Loan {loan} is returned.")
    texts = [
        f"I bring back {world.title}.",
        f"Please take back {world.title}.",
        f"I have finished with {world.title} and want to return it.",
    ]
    return desk.draft(s.rng.choice(texts))


def _ask_card(s: Source, desk: Desk, world: World) -> str:
    replies = [f"It is {world.card}.", f"My card number is {world.card}.", f"Sure, {world.card}."]
    desk.ask("What is your card number?", "card", s.rng.choice(replies))
    return str(desk.call("find_member", contact=world.card)["member"])


def _borrow_words(s: Source, title: str, card: str) -> str:
    texts = [
        f"I would like to borrow {title}. My card number is {card}.",
        f"My card is {card}. Please lend me {title}.",
        f"Card {card} here. May I have {title}?",
        f"Can I take {title} home? My card is {card}.",
    ]
    return s.rng.choice(texts)


def _renew_or_return_words(s: Source, world: World) -> str:
    texts = [
        f"Please renew loan {world.loan}. If that is not possible, take it back.",
        f"I want to renew loan {world.loan}, or else return it.",
        f"Can you extend loan {world.loan}? If not, I bring it back now.",
    ]
    return s.rng.choice(texts)


SUITE = Suite(
    "library",
    "A library desk: look-ups, loans, holds, fines and contact details.",
    (
        Template(shelf_by_title, 1, 120, 8),
        Template(return_by_id, 1, 120, 8),
        Template(pay_by_id, 1, 120, 8),
        Template(email_by_id, 1, 120, 8),
        Template(due_by_email, 1, 120, 8),
        Template(renew_by_email, 2, 200, 10),
        Template(pay_by_card, 2, 200, 9),
        Template(lend_by_card, 2, 200, 9),
        Template(email_then_renew, 2, 0, 12),
        Template(waive_decision, 3, 105, 7),
        Template(borrow_decision, 3, 80, 3),
        Template(ask_card_renew, 3, 75, 3),
        Template(renew_or_return, 3, 20, 1),
        Template(renew_or_return_after_error, 3, 20, 1),
        Template(ask_card_return, 3, 0, 5),
    ),
)
