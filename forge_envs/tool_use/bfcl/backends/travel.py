"""Flights, cards and bookings (upstream class: TravelAPI)."""

import copy
import random
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from forge_envs.tool_use.bfcl.backends.tables import AIRPORT_OF, AIRPORTS, EXCHANGE_RATES, FARES

_CLASSES: Mapping[str, int] = {"economy": 1, "business": 2, "first": 5}
_STATE = (
    "access_token",
    "token_type",
    "token_expires_in",
    "token_scope",
    "user_first_name",
    "user_last_name",
    "budget_limit",
)


class TravelAPI:
    """The tools of a traveller's account.

    Args:
        config: Any of the public attributes, and ``random_seed``.
        extra: Upstream's long-context cards and bookings, which the account then owns and changes.
    """

    def __init__(self, config: Mapping[str, Any], extra: Mapping[str, Any] | None = None):
        self._random = random.Random(config.get("random_seed", 141053))
        self.credit_card_list: dict[str, dict[str, Any]] = config.get("credit_card_list", {})
        self.booking_record: dict[str, dict[str, Any]] = config.get("booking_record", {})
        self.access_token: str | None = None
        self.token_type: str | None = None
        self.token_expires_in: int | None = None
        self.token_scope: str | None = None
        self.user_first_name: str | None = None
        self.user_last_name: str | None = None
        self.budget_limit: float | None = None
        for name in _STATE:
            setattr(self, name, config.get(name))
        self.long_context = extra is not None
        if extra is not None:
            for mine, more in (
                (self.credit_card_list, extra["CREDIT_CARD_EXTENSION"]),
                (self.booking_record, extra["BOOKING_RECORD_EXTENSION"]),
            ):
                for key, row in more.items():
                    mine.setdefault(key, row)

    def authenticate_travel(
        self,
        client_id: str,
        client_secret: str,
        refresh_token: str,
        grant_type: str,
        user_first_name: str,
        user_last_name: str,
    ) -> dict[str, Any]:
        self.token_expires_in, self.token_type = 2, "Bearer"
        self.access_token = str(self._random.randint(100000, 999999))
        self.token_scope = grant_type
        self.user_first_name, self.user_last_name = user_first_name, user_last_name
        return {"expires_in": 2, "access_token": self.access_token, "token_type": "Bearer", "scope": grant_type}

    def travel_get_login_status(self) -> dict[str, Any]:
        return {"status": self.token_expires_in is not None and self.token_expires_in != 0}

    def get_budget_fiscal_year(
        self, lastModifiedAfter: str | None = None, includeRemoved: str | None = None
    ) -> dict[str, Any]:
        return {"budget_fiscal_year": "2018"}

    def register_credit_card(
        self,
        access_token: str,
        card_number: str,
        expiration_date: str,
        cardholder_name: str,
        card_verification_number: int,
    ) -> dict[str, Any]:
        if self.token_expires_in is None:
            return {"error": "Token not initialized"}
        if fault := self._token_fault(access_token):
            return {"error": fault}
        # Compared with the ids of cards, not with their numbers (upstream's quirk).
        if card_number in self.credit_card_list:
            return {"error": "Card already registered"}
        card_id = str(self._random.randint(10**11, 10**12 - 1))
        self.credit_card_list[card_id] = {
            "card_number": card_number,
            "expiration_date": expiration_date,
            "cardholder_name": cardholder_name,
            "card_verification_number": card_verification_number,
            "balance": self._random.randint(10000, 99999),
        }
        return {"card_id": card_id}

    def get_flight_cost(self, travel_from: str, travel_to: str, travel_date: str, travel_class: str) -> dict[str, Any]:
        cost = _cost(travel_from, travel_to, travel_date, travel_class)
        if not self.long_context:
            return {"travel_cost_list": [cost]}
        share = cost / FARES[travel_from, travel_to]
        return {"travel_cost_list": [float(fare * share) for fare in FARES.values()]}

    def get_credit_card_balance(self, access_token: str, card_id: str) -> dict[str, Any]:
        if fault := self._token_fault(access_token):
            return {"error": fault}
        if card_id not in self.credit_card_list:
            return {"error": f"Card not registered. Here are a list of card_id's: {list(self.credit_card_list)}"}
        return {"card_balance": self.credit_card_list[card_id]["balance"]}

    def book_flight(
        self,
        access_token: str,
        card_id: str,
        travel_date: str,
        travel_from: str,
        travel_to: str,
        travel_class: str,
    ) -> dict[str, Any]:
        trip = (travel_from, travel_to, travel_date, travel_class)
        fault = self._token_fault(access_token) or self._booking_fault(card_id, *trip)
        if fault:
            return {"booking_status": False, "error": fault}
        card, cost = self.credit_card_list[card_id], _cost(*trip)
        card["balance"] -= cost
        booking_id = str(self._random.randint(1000000, 9999999))
        transaction_id = str(self._random.randint(10000000, 99999999))
        self.booking_record[booking_id] = {
            "card_id": card_id,
            "travel_date": travel_date,
            "travel_from": travel_from,
            "travel_to": travel_to,
            "travel_class": travel_class,
            "travel_cost": cost,
            "transaction_id": transaction_id,
        }
        history = self.booking_record if self.long_context else {}
        booked = {"booking_id": booking_id, "transaction_id": transaction_id, "booking_status": True}
        return {**booked, "booking_history": history}

    def retrieve_invoice(
        self, access_token: str, booking_id: str | None = None, insurance_id: str | None = None
    ) -> dict[str, Any]:
        if fault := self._token_fault(access_token):
            return {"error": fault}
        if booking_id not in self.booking_record:
            return {"error": "Booking not found"}
        booking = self.booking_record[booking_id]
        shown = ("travel_date", "travel_from", "travel_to", "travel_class", "travel_cost", "transaction_id")
        return {"invoice": {"booking_id": booking_id, **{key: booking[key] for key in shown}}}

    def get_booking_history(self, access_token: str) -> dict[str, Any]:
        fault = self._token_fault(access_token)
        return {"error": fault} if fault else {"booking_history": copy.deepcopy(self.booking_record)}

    def list_all_airports(self) -> list[str]:
        return list(AIRPORTS)

    def cancel_booking(self, access_token: str, booking_id: str) -> dict[str, Any]:
        if fault := self._token_fault(access_token):
            return {"cancel_status": False, "error": fault}
        if booking_id not in self.booking_record:
            return {"cancel_status": False, "error": "Booking not found"}
        booking = self.booking_record[booking_id]
        card_id, cost = booking["card_id"], booking["travel_cost"]
        self.credit_card_list[card_id]["balance"] += cost
        del self.booking_record[booking_id]
        return {"cancel_status": True}

    def compute_exchange_rate(self, base_currency: str, target_currency: str, value: float) -> dict[str, Any]:
        for other, rate in EXCHANGE_RATES.items():
            if base_currency == "USD" and target_currency == other:
                return {"exchanged_value": float(value * rate)}
            if base_currency == other and target_currency == "USD":
                return {"exchanged_value": round(value / rate, 2)}
        raise ValueError("No available exchange rate for the given currencies.")

    def verify_traveler_information(
        self, first_name: str, last_name: str, date_of_birth: str, passport_number: str
    ) -> dict[str, Any]:
        if self.user_first_name != first_name or self.user_last_name != last_name:
            names = f"Expected {self.user_first_name} {self.user_last_name}, got {first_name} {last_name}"
            return _unverified(f"Cannot book flight information for another user.{names}")
        try:
            born = datetime.strptime(date_of_birth, "%Y-%m-%d")
        except ValueError:
            return _unverified("Invalid date of birth format. Please use YYYY-MM-DD.")
        today = datetime.today()
        if today.year - born.year - ((today.month, today.day) < (born.month, born.day)) < 18:
            return _unverified("Traveler must be at least 18 years old.")
        if not passport_number.startswith("US"):
            return _unverified("Passport must be issued by the United States.")
        return {"verification_status": True}

    def set_budget_limit(self, access_token: str, budget_limit: float) -> dict[str, Any]:
        if fault := self._token_fault(access_token):
            return {"error": fault}
        self.budget_limit = float(budget_limit)
        return {"budget_limit": self.budget_limit}

    def get_nearest_airport_by_city(self, location: str) -> dict[str, Any]:
        return {"nearest_airport": AIRPORT_OF.get(location, "Unknown")}

    def purchase_insurance(
        self, access_token: str, insurance_type: str, booking_id: str, insurance_cost: float, card_id: str
    ) -> dict[str, Any]:
        fault = self._token_fault(access_token)
        if not fault and self.budget_limit is not None and self.budget_limit < insurance_cost:
            fault = "Exceeded budget limit"
        if not fault and booking_id not in self.booking_record:
            fault = "Booking not found"
        if not fault and card_id not in self.credit_card_list:
            fault = "Credit card not registered"
        if fault:
            return {"insurance_status": False, "error": fault}
        self.credit_card_list[card_id]["balance"] -= insurance_cost
        return {"insurance_id": str(self._random.randint(10**8, 10**9 - 1)), "insurance_status": True}

    def contact_customer_support(self, booking_id: str, message: str) -> dict[str, Any]:
        if booking_id not in self.booking_record:
            return {"error": "Booking not found"}
        thanks = "Thank you for contacting customer support. Your message has been received and we will get back to you"
        return {"customer_support_message": f"{thanks} shortly."}

    def get_all_credit_cards(self) -> dict[str, Any]:
        return {"credit_card_list": self.credit_card_list}

    def _token_fault(self, access_token: str) -> str | None:
        if self.token_expires_in == 0:
            return "Token expired"
        return "Invalid access token" if access_token != self.access_token else None

    def _booking_fault(self, card_id: str, start: str, end: str, date: str, travel_class: str) -> str | None:
        if card_id not in self.credit_card_list:
            return "Card not registered"
        card = self.credit_card_list[card_id]
        if "balance" not in card:
            return "Balance not found"
        if start not in AIRPORTS:
            return f"Invalid departure airport code: {start}"
        if end not in AIRPORTS:
            return f"Invalid destination airport code: {end}"
        try:
            datetime.strptime(date, "%Y-%m-%d")
        except ValueError:
            return "Invalid date format. Use YYYY-MM-DD."
        if travel_class not in _CLASSES:
            # Upstream prints a set, whose order changes from process to process; this is one of its orders.
            return "Invalid travel class. Must be one of {'economy', 'business', 'first'}"
        try:
            cost = _cost(start, end, date, travel_class)
        except ValueError as error:
            return str(error)
        if card["balance"] < cost:
            return "Insufficient funds"
        if self.budget_limit is not None and card["balance"] < self.budget_limit:
            return "Balance is less than budget limit"
        return None


def _cost(start: str, end: str, date: str, travel_class: str) -> float:
    """US dollars: the fare times the class, and twice that when the digits of the date have an even sum."""
    if (start, end) not in FARES:
        raise ValueError("No available route for the given airports.")
    # By comparison, not by hash: a class of any type is merely an unknown class.
    factor = next((factor for name, factor in _CLASSES.items() if name == travel_class), None)
    if factor is None:
        raise ValueError("Invalid travel class. Options are: economy, business, first.")
    even = sum(int(char) for char in date if char.isdigit()) % 2 == 0
    return float(FARES[start, end] * factor * (2 if even else 1))


def _unverified(reason: str) -> dict[str, Any]:
    return {"verification_status": False, "verification_failure": reason}
