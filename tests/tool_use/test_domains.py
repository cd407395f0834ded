"""Every tool of the bundled domains: what it does, and what it refuses without changing anything."""

from copy import deepcopy
from typing import Any

import pytest

from forge_envs.core.errors import ToolError
from forge_envs.core.tools import Toolset
from forge_envs.tool_use.domain import DOMAINS, Domain, load_domain
from forge_envs.tool_use.domains.courier import Courier
from forge_envs.tool_use.domains.library import Library

LIBRARY: dict[str, Any] = {
    "today": "2026-03-02",
    "members": {
        "M1001": {"name": "Ada Brook", "card": "40213", "email": "ada.brook@mail.example"},
        "M1002": {"name": "Leo Moss", "card": "55512", "email": "leo.moss@mail.example"},
        "M1003": {"name": "Eva Reed", "card": "70001", "email": "eva.reed@mail.example"},
    },
    "books": {
        "B1001": {"title": "The Silver Harbor", "shelf": "417", "free": 2, "waiting": ["M1003"]},
        "B1002": {"title": "The Iron Lantern", "shelf": "318", "free": 0, "waiting": ["M1003"]},
        "B1003": {"title": "The Paper Tower", "shelf": "205", "free": 1, "waiting": []},
        "B1004": {"title": "The Little River", "shelf": "206", "free": 1, "waiting": []},
    },
    "loans": {
        "L1009": {"member": "M1001", "book": "B1003", "due": "2026-03-09", "renewals": 1},
        "L1004": {"member": "M1001", "book": "B1002", "due": "2026-03-10", "renewals": 0},
        "L1005": {"member": "M1002", "book": "B1003", "due": "2026-03-11", "renewals": 2},
        "L1006": {"member": "M1002", "book": "B1002", "due": "2026-03-11", "renewals": 0},
        "L1007": {"member": "M1002", "book": "B1001", "due": "2026-03-11", "renewals": 0},
    },
    "fines": {
        "F1001": {"member": "M1001", "amount": 3.4, "reason": "late", "status": "open"},
        "F1002": {"member": "M1001", "amount": 8.2, "reason": "lost", "status": "open"},
        "F1003": {"member": "M1001", "amount": 2.5, "reason": "late", "status": "paid"},
    },
}

COURIER: dict[str, Any] = {
    "today": "2026-05-04",
    "closed": ["2026-05-10"],
    "customers": {
        "C1001": {"name": "Ada Brook", "phone": "604118"},
        "C1002": {"name": "Leo Moss", "phone": "300417"},
    },
    "parcels": {
        "P1001": {
            "customer": "C1001",
            "item": "lamp",
            "status": "moving",
            "date": "2026-05-06",
            "address": "14 Elm Road",
            "fee": 4.6,
            "value": 34.5,
            "code": "7719",
        },
        "P1002": {
            "customer": "C1001",
            "item": "tent",
            "status": "lost",
            "date": "2026-05-01",
            "address": "14 Elm Road",
            "fee": 3.1,
            "value": 61.2,
            "code": "1544",
        },
    },
    "depots": {
        "D1001": {"street": "Oak Lane", "opens": "07:40", "free": 1},
        "D1002": {"street": "Hill Street", "opens": "08:10", "free": 0},
    },
    "claims": {},
}

WORLDS: dict[str, tuple[type[Domain], dict[str, Any]]] = {"library": (Library, LIBRARY), "courier": (Courier, COURIER)}

# domain, tool, arguments, result, and what the call changes: a path in the state and its new value (None: gone)
SUCCESSES: list[tuple[str, str, dict[str, Any], str, dict[str, Any]]] = [
    (
        "library",
        "find_member",
        {"contact": "40213"},
        '{"member": "M1001", "name": "Ada Brook", "owes": 11.6}',
        {},
    ),
    (
        "library",
        "find_member",
        {"contact": " Leo.Moss@mail.example"},
        '{"member": "M1002", "name": "Leo Moss", "owes": 0}',
        {},
    ),
    (
        "library",
        "list_loans",
        {"member": "M1001"},
        '[{"loan": "L1009", "title": "The Paper Tower", "due": "2026-03-09"}, '
        '{"loan": "L1004", "title": "The Iron Lantern", "due": "2026-03-10"}]',
        {},
    ),
    ("library", "list_loans", {"member": "M1003"}, "[]", {}),
    (
        "library",
        "list_fines",
        {"member": "M1001"},
        '[{"fine": "F1001", "amount": 3.4, "reason": "late"}, {"fine": "F1002", "amount": 8.2, "reason": "lost"}]',
        {},
    ),
    ("library", "find_book", {"title": "the iron lantern"}, '{"book": "B1002", "shelf": "318", "free": 0}', {}),
    (
        "library",
        "lend_book",
        {"member": "M1003", "book": "B1001"},
        '{"loan": "L1010", "due": "2026-03-16"}',
        {
            "books.B1001.free": 1,
            "books.B1001.waiting": [],
            "loans.L1010": {"member": "M1003", "book": "B1001", "due": "2026-03-16", "renewals": 0},
        },
    ),
    (
        "library",
        "renew_loan",
        {"loan": "L1009"},
        '{"loan": "L1009", "due": "2026-03-23"}',
        {"loans.L1009.due": "2026-03-23", "loans.L1009.renewals": 2},
    ),
    ("library", "return_loan", {"loan": "L1009"}, "returned", {"loans.L1009": None, "books.B1003.free": 2}),
    (
        "library",
        "place_hold",
        {"member": "M1003", "book": "B1005"},
        '{"place": 1}',
        {"books.B1005.waiting": ["M1003"]},
    ),
    ("library", "pay_fine", {"fine": "F1001", "amount": 3.4}, "paid", {"fines.F1001.status": "paid"}),
    ("library", "waive_fine", {"fine": "F1002"}, "waived", {"fines.F1002.status": "waived"}),
    (
        "library",
        "update_email",
        {"member": "M1001", "email": "ada@post.example"},
        "updated",
        {"members.M1001.email": "ada@post.example"},
    ),
    ("courier", "find_customer", {"phone": "604118"}, '{"customer": "C1001", "name": "Ada Brook"}', {}),
    (
        "courier",
        "list_parcels",
        {"customer": "C1001"},
        '[{"parcel": "P1001", "item": "lamp", "status": "moving"}, '
        '{"parcel": "P1002", "item": "tent", "status": "lost"}]',
        {},
    ),
    (
        "courier",
        "track_parcel",
        {"parcel": "P1001"},
        '{"status": "moving", "date": "2026-05-06", "address": "14 Elm Road", "fee": 4.6, "value": 34.5}',
        {},
    ),
    ("courier", "find_depot", {"street": "oak lane"}, '{"depot": "D1001", "opens": "07:40", "free": 1}', {}),
    (
        "courier",
        "reschedule_parcel",
        {"parcel": "P1001", "day": "2026-05-07"},
        "rescheduled",
        {"parcels.P1001.date": "2026-05-07"},
    ),
    (
        "courier",
        "redirect_parcel",
        {"parcel": "P1001", "address": "2 Oak Lane"},
        "redirected",
        {"parcels.P1001.address": "2 Oak Lane"},
    ),
    (
        "courier",
        "send_to_depot",
        {"parcel": "P1001", "depot": "D1001"},
        '{"code": "7719"}',
        {"parcels.P1001.status": "depot", "parcels.P1001.address": "D1001", "depots.D1001.free": 0},
    ),
    (
        "courier",
        "refund_parcel",
        {"parcel": "P1002", "amount": 61.2},
        "refunded",
        {"parcels.P1002.status": "refunded"},
    ),
    (
        "courier",
        "open_claim",
        {"parcel": "P1002", "amount": 61.2},
        '{"claim": "K1002"}',
        {"parcels.P1002.status": "claimed", "claims.K1002": {"parcel": "P1002", "amount": 61.2}},
    ),
    (
        "courier",
        "update_phone",
        {"customer": "C1001", "phone": "611222"},
        "updated",
        {"customers.C1001.phone": "611222"},
    ),
]

# domain, tool, arguments, part of the message
REFUSALS: list[tuple[str, str, dict[str, Any], str]] = [
    ("library", "find_member", {"contact": "99999"}, "no member has this"),
    ("library", "list_loans", {"member": "M9"}, "no member has the id M9"),
    ("library", "list_fines", {"member": "M9"}, "no member has the id M9"),
    ("library", "find_book", {"title": "Nothing"}, "no book has this title"),
    ("library", "lend_book", {"member": "M9", "book": "B1004"}, "no member has the id"),
    ("library", "lend_book", {"member": "M1001", "book": "B9"}, "no book has the id"),
    ("library", "lend_book", {"member": "M1003", "book": "B1002"}, "no copy is free"),
    ("library", "lend_book", {"member": "M1001", "book": "B1003"}, "has this book already"),
    ("library", "lend_book", {"member": "M1002", "book": "B1004"}, "has 3 loans"),
    ("library", "renew_loan", {"loan": "L9"}, "no loan has the id"),
    ("library", "renew_loan", {"loan": "L1005"}, "renewed 2 times already"),
    ("library", "renew_loan", {"loan": "L1004"}, "another member waits"),
    ("library", "return_loan", {"loan": "L9"}, "no loan has the id"),
    ("library", "place_hold", {"member": "M9", "book": "B1002"}, "no member has the id"),
    ("library", "place_hold", {"member": "M1003", "book": "B9"}, "no book has the id"),
    ("library", "place_hold", {"member": "M1001", "book": "B1004"}, "a copy is free"),
    ("library", "place_hold", {"member": "M1003", "book": "B1002"}, "waits for this book already"),
    ("library", "place_hold", {"member": "M1001", "book": "B1002"}, "has this book already"),
    ("library", "pay_fine", {"fine": "F9", "amount": 3.4}, "no fine has the id"),
    ("library", "pay_fine", {"fine": "F1001", "amount": 3}, "not the amount"),
    ("library", "pay_fine", {"fine": "F1003", "amount": 2.5}, "paid already"),
    ("library", "waive_fine", {"fine": "F9"}, "no fine has the id"),
    ("library", "waive_fine", {"fine": "F1003"}, "paid already"),
    ("library", "update_email", {"member": "M9", "email": "a@b.example"}, "no member has the id"),
    ("library", "update_email", {"member": "M1001", "email": "ada"}, "not an e-mail"),
    ("library", "update_email", {"member": "M1001", "email": "leo.moss@mail.example"}, "in use"),
    ("library", "pay_fine", {"fine": "F1001", "amount": "3.4"}, "invalid arguments"),
    ("courier", "find_customer", {"phone": "999999"}, "no customer has this"),
    ("courier", "list_parcels", {"customer": "C9"}, "no customer has the id C9"),
    ("courier", "track_parcel", {"parcel": "P9"}, "no parcel has the id P9"),
    ("courier", "find_depot", {"street": "Nowhere"}, "no depot in this street"),
    ("courier", "reschedule_parcel", {"parcel": "P9", "day": "2026-05-07"}, "no parcel has the id"),
    ("courier", "reschedule_parcel", {"parcel": "P1002", "day": "2026-05-07"}, "status is lost"),
    ("courier", "reschedule_parcel", {"parcel": "P1001", "day": "7 May"}, "write the day as"),
    ("courier", "reschedule_parcel", {"parcel": "P1001", "day": "2026-05-04"}, "after today"),
    ("courier", "reschedule_parcel", {"parcel": "P1001", "day": "2026-05-10"}, "no deliveries"),
    ("courier", "reschedule_parcel", {"parcel": "P1001", "day": "2026-05-06"}, "on that day already"),
    ("courier", "redirect_parcel", {"parcel": "P9", "address": "2 Oak Lane"}, "no parcel has the id"),
    ("courier", "redirect_parcel", {"parcel": "P1002", "address": "2 Oak Lane"}, "status is lost"),
    ("courier", "redirect_parcel", {"parcel": "P1001", "address": " "}, "address is empty"),
    ("courier", "redirect_parcel", {"parcel": "P1001", "address": "14 elm road"}, "to this address already"),
    ("courier", "send_to_depot", {"parcel": "P9", "depot": "D1001"}, "no parcel has the id"),
    ("courier", "send_to_depot", {"parcel": "P1001", "depot": "D9"}, "no depot has the id"),
    ("courier", "send_to_depot", {"parcel": "P1001", "depot": "D1002"}, "depot is full"),
    ("courier", "send_to_depot", {"parcel": "P1002", "depot": "D1001"}, "status is lost"),
    ("courier", "refund_parcel", {"parcel": "P9", "amount": 1.5}, "no parcel has the id"),
    ("courier", "refund_parcel", {"parcel": "P1001", "amount": 34.5}, "is not lost"),
    ("courier", "refund_parcel", {"parcel": "P1002", "amount": 61}, "not the value"),
    ("courier", "open_claim", {"parcel": "P9", "amount": 1.5}, "no parcel has the id"),
    ("courier", "open_claim", {"parcel": "P1001", "amount": 34.5}, "is not lost"),
    ("courier", "open_claim", {"parcel": "P1002", "amount": 61}, "not the value"),
    ("courier", "update_phone", {"customer": "C9", "phone": "611222"}, "no customer has the id"),
    ("courier", "update_phone", {"customer": "C1001", "phone": "12"}, "6 digits"),
    ("courier", "update_phone", {"customer": "C1001", "phone": "300417"}, "in use"),
]


def changed(before: Any, after: Any, path: str = "") -> dict[str, Any]:
    """What differs between two states, by dotted path; a missing value is None."""
    if isinstance(before, dict) and isinstance(after, dict):
        found: dict[str, Any] = {}
        for key in {*before, *after}:
            found |= changed(before.get(key), after.get(key), f"{path}.{key}" if path else key)
        return found
    return {} if before == after else {path: after}


def world(name: str) -> tuple[Domain, Toolset]:
    domain_class, state = WORLDS[name]
    domain = domain_class(deepcopy(state))
    if name == "library":
        # A book without a free copy that nobody waits for.
        domain.state["books"]["B1005"] = {"title": "The Frozen Castle", "shelf": "207", "free": 0, "waiting": []}
    return domain, Toolset.of(domain)


@pytest.mark.parametrize(("name", "tool", "arguments", "result", "change"), SUCCESSES)
def test_a_tool_answers_and_changes_only_what_it_should(
    name: str, tool: str, arguments: dict[str, Any], result: str, change: dict[str, Any]
) -> None:
    domain, tools = world(name)
    before = deepcopy(domain.state)
    assert tools.call(tool, arguments) == result
    assert changed(before, domain.state) == change


@pytest.mark.parametrize(("name", "tool", "arguments", "message"), REFUSALS)
def test_a_refused_call_changes_nothing(name: str, tool: str, arguments: dict[str, Any], message: str) -> None:
    domain, tools = world(name)
    before = deepcopy(domain.state)
    with pytest.raises(ToolError, match=message):
        tools.call(tool, arguments)
    assert domain.state == before


@pytest.mark.parametrize("name", WORLDS)
def test_every_tool_is_tried_both_ways(name: str) -> None:
    tools = set(world(name)[1])
    assert {case[1] for case in SUCCESSES if case[0] == name} == tools
    assert {case[1] for case in REFUSALS if case[0] == name} == tools


def test_what_is_done_cannot_be_done_again() -> None:
    _, library = world("library")
    library.call("pay_fine", {"fine": "F1001", "amount": 3.4})
    library.call("place_hold", {"member": "M1003", "book": "B1005"})
    _, courier = world("courier")
    courier.call("open_claim", {"parcel": "P1002", "amount": 61.2})
    courier.call("send_to_depot", {"parcel": "P1001", "depot": "D1001"})
    again: list[tuple[Toolset, str, dict[str, Any]]] = [
        (library, "waive_fine", {"fine": "F1001"}),
        (library, "place_hold", {"member": "M1003", "book": "B1005"}),
        (courier, "open_claim", {"parcel": "P1002", "amount": 61.2}),
        (courier, "refund_parcel", {"parcel": "P1002", "amount": 61.2}),
        (courier, "redirect_parcel", {"parcel": "P1001", "address": "2 Oak Lane"}),
    ]
    for tools, tool, arguments in again:
        with pytest.raises(ToolError):
            tools.call(tool, arguments)


def test_a_first_loan_gets_an_id() -> None:
    domain, tools = world("library")
    domain.state["loans"].clear()
    assert tools.call("lend_book", {"member": "M1001", "book": "B1004"}) == '{"loan": "L1001", "due": "2026-03-16"}'


@pytest.mark.parametrize("name", WORLDS)
def test_prompts_stay_small(name: str) -> None:
    domain_class, _ = WORLDS[name]
    assert load_domain(name) is domain_class and name in DOMAINS and domain_class.name == name
    assert len(domain_class.policy.split()) <= 90
    schemas = world(name)[1].schemas()
    assert 8 <= len(schemas) <= 12
    for schema in schemas:
        function = schema["function"]
        assert len(function["description"].split()) <= 10 and "\n" not in function["description"]
        assert all(len(p["description"].split()) <= 6 for p in function["parameters"]["properties"].values())
