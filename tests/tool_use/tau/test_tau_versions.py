"""What differs between v1 and tau2: every switch, seen from outside."""

import json
from typing import Any

import pytest
from forge_tau import backend

from forge_envs.core.errors import ConfigError
from forge_envs.tool_use.tau.version import get_version


def order_with(version: str, status: str, products: int = 1) -> tuple[str, dict[str, Any]]:
    """An order of a status with so many items that each have another available variant."""
    played = backend(version, "retail")
    for key, order in played.tables.records("orders"):
        if order["status"] == status and len(replacements(version, order)) >= products:
            return key, order
    raise AssertionError("no such order")


def replacements(version: str, order: dict[str, Any]) -> dict[str, str]:
    """Item to a variant that it may be replaced by."""
    played = backend(version, "retail")
    found = {}
    for item in order["items"]:
        variants = played.tables.read("products", item["product_id"])["variants"]
        others = [v for v in variants.values() if v["available"] and v["item_id"] != item["item_id"]]
        if others and item["item_id"] not in found:
            found[item["item_id"]] = others[0]["item_id"]
    return found


def modified(version: str, swapped: bool = False) -> list[dict[str, Any]]:
    key, order = order_with(version, "pending", 2)
    pairs = list(replacements(version, order).items())[:2]
    pairs = pairs[::-1] if swapped else pairs
    method = order["payment_history"][0]["payment_method_id"]
    played = backend(version, "retail")
    answer = played.call(
        "modify_pending_order_items",
        {
            "order_id": key,
            "item_ids": [old for old, _ in pairs],
            "new_item_ids": [new for _, new in pairs],
            "payment_method_id": method,
        },
    )
    changed = json.loads(answer.text)["items"]
    new = {new for _, new in pairs}
    return [item for item in changed if item["item_id"] in new]


def test_the_last_variant_wins_in_tau2_only() -> None:
    assert len({item["price"] for item in modified("v1")}) == 2 and modified("v1") == modified("v1", swapped=True)
    assert len({item["price"] for item in modified("tau2")}) == 1
    assert modified("tau2") != modified("tau2", swapped=True)


def test_an_item_may_replace_itself_in_v1_only() -> None:
    for version in ("v1", "tau2"):
        key, order = order_with(version, "pending")
        played = backend(version, "retail")
        item = next(
            i["item_id"]
            for i in order["items"]
            if played.tables.read("products", i["product_id"])["variants"][i["item_id"]]["available"]
        )
        method = order["payment_history"][0]["payment_method_id"]
        arguments = {"order_id": key, "item_ids": [item], "new_item_ids": [item], "payment_method_id": method}
        answer = played.call("modify_pending_order_items", arguments)
        assert answer.failed == (version == "tau2")
    assert answer.text == "Error: The new item id should be different from the old item id"


def test_the_address_of_a_modified_order_can_be_changed_in_tau2_only() -> None:
    address = {"address1": "1", "address2": "", "city": "c", "state": "s", "country": "USA", "zip": "1"}
    for version in ("v1", "tau2"):
        key, order = order_with(version, "pending")
        old, new = next(iter(replacements(version, order).items()))
        method = order["payment_history"][0]["payment_method_id"]
        played = backend(version, "retail")
        arguments = {"order_id": key, "item_ids": [old], "new_item_ids": [new], "payment_method_id": method}
        assert not played.call("modify_pending_order_items", arguments).failed
        answer = played.call("modify_pending_order_address", {"order_id": key, **address})
        assert answer.failed == (version == "v1"), answer.text
        assert played.call("cancel_pending_order", {"order_id": key, "reason": "no longer needed"}).failed


def booking(version: str, **changes: Any) -> tuple[Any, dict[str, Any]]:
    """A backend and the arguments of a booking that goes through."""
    played = backend(version, "airline")
    user, profile = next(
        (k, u)
        for k, u in played.tables.records("users")
        if any(m["source"] == "credit_card" for m in u["payment_methods"].values())
    )
    card = next(k for k, m in profile["payment_methods"].items() if m["source"] == "credit_card")
    number, flight = next(
        (k, f)
        for k, f in played.tables.records("flights")
        if f["dates"]["2024-05-20"]["available_seats"]["economy"] > 1
    )
    price = flight["dates"]["2024-05-20"]["prices"]["economy"]
    return played, {
        "user_id": user,
        "origin": flight["origin"],
        "destination": flight["destination"],
        "flight_type": "one_way",
        "cabin": "economy",
        "flights": [{"flight_number": number, "date": "2024-05-20"}],
        "passengers": [{"first_name": "A", "last_name": "B", "dob": "2000-01-01"}],
        "payment_methods": [{"payment_id": card, "amount": price}],
        "total_baggages": 0,
        "nonfree_baggages": 0,
        "insurance": "no",
        **changes,
    }


def test_seats_are_taken_in_tau2_only() -> None:
    for version, taken in (("v1", 0), ("tau2", 1)):
        played, arguments = booking(version)
        number = arguments["flights"][0]["flight_number"]
        before = played.tables.read("flights", number)["dates"]["2024-05-20"]["available_seats"]["economy"]
        answer = played.call("book_reservation", arguments)
        assert json.loads(answer.text)["reservation_id"] == "HATHAT"
        after = played.tables.read("flights", number)["dates"]["2024-05-20"]["available_seats"]["economy"]
        assert before - after == taken


def test_the_cabin_is_updated_in_tau2_only() -> None:
    for version, cabin in (("v1", "economy"), ("tau2", "business")):
        played, arguments = booking(version)
        played.call("book_reservation", arguments)
        card = arguments["payment_methods"][0]["payment_id"]
        change = {"reservation_id": "HATHAT", "cabin": "business", "flights": arguments["flights"], "payment_id": card}
        assert json.loads(played.call("update_reservation_flights", change).text)["cabin"] == cabin


def test_a_fourth_booking_overwrites_in_v1_and_is_refused_in_tau2() -> None:
    for version, failed in (("v1", False), ("tau2", True)):
        played, arguments = booking(version)
        answers = [played.call("book_reservation", arguments) for _ in range(4)]
        assert [a.failed for a in answers] == [False, False, False, failed]
    assert answers[3].text == "Error: Too many reservations"


@pytest.mark.parametrize(("amount", "v1", "tau2"), [(1.0, float, int), ("1", None, int), (1.5, None, None)])
def test_values_are_normalised_in_tau2_only(amount: Any, v1: type | None, tau2: type | None) -> None:
    for version, kind in (("v1", v1), ("tau2", tau2)):
        played, arguments = booking(version)
        row = arguments["payment_methods"][0]
        row["amount"] = type(amount)(row["amount"]) if amount != 1.5 else row["amount"] + 0.5
        answer = played.call("book_reservation", arguments)
        assert answer.failed == (kind is None), answer.text
        if kind is not None:
            assert type(json.loads(answer.text)["payment_history"][0]["amount"]) is kind


def test_the_second_leg_of_a_night_flight_shows_the_first_date_in_v1_only() -> None:
    for version in ("v1", "tau2"):
        played = backend(version, "airline")
        flights = dict(played.tables.records("flights"))
        checked = 0
        for origin in ("SFO", "LAX", "SEA", "LAS"):
            for destination in ("JFK", "MIA", "BOS", "ATL"):
                asked = {"origin": origin, "destination": destination, "date": "2024-05-20"}
                for _, second in json.loads(played.call("search_onestop_flight", asked).text):
                    day = flights[second["flight_number"]]["dates"]
                    if second["date"] != "2024-05-20":
                        checked += 1
                        shown = "2024-05-20" if version == "v1" else second["date"]
                        assert second["prices"] == day[shown]["prices"]
        assert checked > 0, "no pair of flights with a night between them was looked at"


def test_an_unknown_version_is_a_clear_error() -> None:
    with pytest.raises(ConfigError, match=r"Unknown tau-bench version 'v3': use one of \['v1', 'tau2'\]"):
        get_version("v3")
