"""The backends' answers: upstream's words, whatever the arguments are, and no state shared between episodes."""

import json
from typing import Any

import pytest
from forge_tau import DATA, WORLDS, backend
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_envs.tool_use.tau.backend import argument_fault
from forge_envs.tool_use.tau.data import load_world

ORDER, DELIVERED, USER = "#W5918442", "#W2378156", "yusuf_rossi_9620"
ADDRESS = {"address1": "1 Main St", "address2": "", "city": "Rome", "state": "NY", "country": "USA", "zip": "1"}
RESERVATION = "EHGLP3"


def schemas(version: str, domain: str) -> list[dict[str, Any]]:
    return load_world(DATA, domain, version).schemas


def said(version: str, domain: str, name: str, **arguments: Any) -> str:
    return backend(version, domain).call(name, arguments).text


@pytest.mark.parametrize(
    ("name", "arguments", "v1", "tau2"),
    [
        ("get_user_details", {"user_id": "x"}, "user not found", "User not found"),
        ("get_order_details", {"order_id": "x"}, "order not found", "Order not found"),
        ("get_product_details", {"product_id": 5}, "product not found", "Product not found"),
        ("find_user_id_by_email", {"email": "x"}, "user not found", "User not found"),
        ("find_user_id_by_email", {"email": 5}, "'int' object has no attribute 'lower'", None),
        ("get_user_details", {"user_id": []}, "unhashable type: 'list'", None),
        (
            "cancel_pending_order",
            {"order_id": DELIVERED, "reason": "x"},
            "non-pending order cannot be cancelled",
            "Non-pending order cannot be cancelled",
        ),
        (
            "return_delivered_order_items",
            {"order_id": DELIVERED, "item_ids": ["1"], "payment_method_id": "credit_card_9513926"},
            "some item not found",
            "Some item not found",
        ),
        (
            "exchange_delivered_order_items",
            {"order_id": DELIVERED, "item_ids": ["1"], "new_item_ids": [], "payment_method_id": ""},
            "1 not found",
            "Number of 1 not found.",
        ),
        (
            "exchange_delivered_order_items",
            {"order_id": DELIVERED, "item_ids": [], "new_item_ids": ["1"], "payment_method_id": ""},
            "the number of items to be exchanged should match",
            "The number of items to be exchanged should match.",
        ),
        (
            "exchange_delivered_order_items",
            {"order_id": DELIVERED, "item_ids": ["1151293680"], "new_item_ids": ["x"], "payment_method_id": ""},
            "new item x not found or available",
            "Variant not found",
        ),
        ("modify_user_address", {"user_id": "x", **ADDRESS}, "user not found", "User not found"),
        ("calculate", {"expression": "a"}, "invalid characters in expression", "Invalid characters in expression"),
        ("calculate", {"expression": "1/0"}, "division by zero", None),
        ("calculate", {"expression": 5}, "'int' object is not iterable", None),
    ],
)
def test_retail_errors_word_for_word(name: str, arguments: dict[str, Any], v1: str, tau2: str | None) -> None:
    assert said("v1", "retail", name, **arguments) == f"Error: {v1}"
    assert said("tau2", "retail", name, **arguments) == f"Error: {v1 if tau2 is None else tau2}"


@pytest.mark.parametrize(
    ("name", "arguments", "v1", "tau2"),
    [
        ("get_reservation_details", {"reservation_id": "x"}, "user not found", "Reservation x not found"),
        ("cancel_reservation", {"reservation_id": "x"}, "reservation not found", "Reservation x not found"),
        ("send_certificate", {"user_id": "x", "amount": 1}, "user not found", "User x not found"),
        (
            "update_reservation_baggages",
            {"reservation_id": RESERVATION, "total_baggages": 1, "nonfree_baggages": 0, "payment_id": "x"},
            "payment method not found",
            "Payment method not found",
        ),
        (
            "update_reservation_passengers",
            {"reservation_id": RESERVATION, "passengers": []},
            "number of passengers does not match",
            "Number of passengers does not match",
        ),
        (
            "update_reservation_flights",
            {
                "reservation_id": RESERVATION,
                "cabin": "economy",
                "flights": [{"flight_number": "X", "date": "d"}],
                "payment_id": "",
            },
            "flight X not found",
            "Flight X not found",
        ),
    ],
)
def test_airline_errors_word_for_word(name: str, arguments: dict[str, Any], v1: str, tau2: str) -> None:
    assert said("v1", "airline", name, **arguments) == f"Error: {v1}"
    assert said("tau2", "airline", name, **arguments) == f"Error: {tau2}"


@pytest.mark.parametrize(
    ("version", "name", "arguments", "text"),
    [
        ("v1", "nope", {}, "Unknown action nope"),
        ("v1", "get_item_details", {"item_id": "x"}, "Unknown action get_item_details"),
        ("v1", "think", {"thought": "x"}, ""),
        ("tau2", "nope", {}, "Error: Tool 'nope' not found."),
        ("tau2", "think", {"thought": "x"}, "Error: Tool 'think' not found."),
        ("tau2", "get_item_details", {"item_id": "x"}, "Error: Item not found"),
        ("v1", "transfer_to_human_agents", {"summary": "x"}, "Transfer successful"),
        (
            "v1",
            "get_user_details",
            {},
            "Error: GetUserDetails.invoke() missing 1 required positional argument: 'user_id'",
        ),
        (
            "tau2",
            "get_user_details",
            {"user_id": "x", "more": 1},
            "Error: RetailTools.get_user_details() got an unexpected keyword argument 'more'",
        ),
        (
            "v1",
            "get_user_details",
            {"data": 1},
            "Error: tau_bench.envs.retail.tools.get_user_details.GetUserDetails.invoke() got multiple values for "
            "keyword argument 'data'",
        ),
        (
            "tau2",
            "get_user_details",
            {"tool_name": 1},
            "Error: Environment.make_tool_call() got multiple values for argument 'tool_name'",
        ),
    ],
)
def test_wrong_names_word_for_word(version: str, name: str, arguments: dict[str, Any], text: str) -> None:
    assert said(version, "retail", name, **arguments) == text


NAMES = ("alpha", "beta", "gamma", "delta")


@given(st.integers(0, 4), st.lists(st.sampled_from([*NAMES, "other"]), unique=True))
def test_argument_faults_are_those_of_this_python(count: int, given_names: list[str]) -> None:
    parameters = NAMES[:count]
    # Made from fixed names only: the real interpreter is the reference.
    function = eval(f"lambda {', '.join(parameters)}: None")
    function.__qualname__ = "Tool.invoke"
    try:
        function(**dict.fromkeys(given_names))
        expected = None
    except TypeError as error:
        expected = str(error).split(". Did you mean")[0]
    assert argument_fault("Tool.invoke", parameters, dict.fromkeys(given_names)) == expected


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        [ORDER, DELIVERED, USER, RESERVATION, "credit_card_9513926", "1151293680", "HAT001", "2024-05-20"]
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=8) | st.sampled_from(["flight_number", "date", "payment_id"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)


@pytest.mark.parametrize(("version", "domain"), WORLDS)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_no_argument_ever_raises(version: str, domain: str, data: st.DataObject) -> None:
    played = backend(version, domain)
    name = data.draw(st.sampled_from(sorted(played.reads | played.writes)))
    schema = next((s for s in schemas(version, domain) if s["function"]["name"] == name), None)
    names = list(schema["function"]["parameters"]["properties"]) if schema else []
    arguments = {n: data.draw(json_values) for n in names if data.draw(st.integers(0, 9))}
    if not data.draw(st.integers(0, 9)):
        arguments[data.draw(st.text(max_size=6))] = data.draw(json_values)
    answer = played.call(name, arguments)
    assert isinstance(answer.text, str)
    assert answer.text.startswith(("Error: ", "Unknown action ")) if answer.failed else True


@pytest.mark.parametrize(("version", "domain"), WORLDS)
def test_every_tool_on_offer_exists_and_has_the_parameters_of_its_schema(version: str, domain: str) -> None:
    played = backend(version, domain)
    offered = {s["function"]["name"]: s["function"]["parameters"] for s in schemas(version, domain)}
    assert set(offered) == {name for name in played.reads | played.writes if played.has(name)}
    for name, parameters in offered.items():
        assert played.fault(name, dict.fromkeys(parameters["properties"])) is None
        assert sorted(parameters.get("required", [])) == sorted(parameters["properties"])


def test_two_episodes_share_no_state() -> None:
    one, other = backend("v1", "retail"), backend("v1", "retail")
    before = other.call("get_user_details", {"user_id": USER}).text
    changed = one.call("modify_user_address", {"user_id": USER, **ADDRESS})
    assert json.loads(changed.text)["address"] == ADDRESS
    assert one.call("get_user_details", {"user_id": USER}).text == changed.text
    assert other.call("get_user_details", {"user_id": USER}).text == before
    assert backend("v1", "retail").call("get_user_details", {"user_id": USER}).text == before


def test_the_backend_keeps_no_reference_to_arguments() -> None:
    passengers = [{"first_name": "A", "last_name": "B", "dob": "2000-01-01"}]
    played = backend("v1", "airline")
    reservation = next(k for k, r in played.tables.records("reservations") if len(r["passengers"]) == 1)
    played.call("update_reservation_passengers", {"reservation_id": reservation, "passengers": passengers})
    passengers[0]["first_name"] = "changed"
    assert played.tables.read("reservations", reservation)["passengers"][0]["first_name"] == "A"


def test_the_fourth_certificate_is_no_crash() -> None:
    played = backend("v1", "airline")
    user = next(key for key, _ in played.tables.records("users"))
    said = [played.call("send_certificate", {"user_id": user, "amount": 5}).text for _ in range(4)]
    assert said[2] == f"Certificate certificate_3221324 added to user {user} with amount 5." and said[3] == ""
