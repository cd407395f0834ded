"""The airline backend: flights, reservations and users.

Own code from the tools' described behaviour (upstream: ``tau_bench/envs/airline/tools``, tau2
``domains/airline/tools.py``). The order of checks decides which error is read. Pairs of texts are v1's, tau2's.
"""

from operator import getitem
from typing import Any, ClassVar

from forge_envs.tool_use.tau.backend import Backend, cased
from forge_envs.tool_use.tau.flights import AIRPORTS, search_direct, search_onestop
from forge_envs.tool_use.tau.tables import Record

NOW = "2024-05-15T15:00:00"
NEW_RESERVATIONS = ("HATHAT", "HATHAU", "HATHAV")
NEW_CERTIFICATES = ("certificate_3221322", "certificate_3221323", "certificate_3221324")
INSURANCE, BAG = 30, 50
"""Dollars for each passenger, and for each bag that is not free."""
NO_USER = ("user not found", "User {key} not found")
NO_RESERVATION = ("reservation not found", "Reservation {key} not found")
NO_FLIGHT = cased("flight {key} not found")


class Airline(Backend):
    """Tools of the airline domain. In v1 no tool ever changes a flight."""

    domain: ClassVar[str] = "airline"
    reads: ClassVar[frozenset[str]] = frozenset(
        {
            "calculate",
            "get_flight_status",
            "get_reservation_details",
            "get_user_details",
            "list_all_airports",
            "search_direct_flight",
            "search_onestop_flight",
            "think",
            "transfer_to_human_agents",
        }
    )
    writes: ClassVar[frozenset[str]] = frozenset(
        {
            "book_reservation",
            "cancel_reservation",
            "send_certificate",
            "update_reservation_baggages",
            "update_reservation_flights",
            "update_reservation_passengers",
        }
    )
    only_in: ClassVar[dict[str, str]] = {"think": "v1", "get_flight_status": "tau2"}

    # Reads.

    def get_user_details(self, user_id: str) -> Record:
        return self._get("users", user_id, NO_USER)

    def get_reservation_details(self, reservation_id: str) -> Record:
        # v1 speaks of a user here.
        return self._get("reservations", reservation_id, (NO_USER[0], NO_RESERVATION[1]))

    def list_all_airports(self) -> Any:
        if self.version.typed:
            return [{"iata": code, "city": city} for code, city in AIRPORTS.items()]
        return AIRPORTS

    def search_direct_flight(self, origin: str, destination: str, date: str) -> list[Record]:
        return search_direct(self.tables, self.version, origin, destination, date)

    def search_onestop_flight(self, origin: str, destination: str, date: str) -> list[list[Record]]:
        return search_onestop(self.tables, self.version, origin, destination, date)

    def get_flight_status(self, flight_number: str, date: str) -> str:
        return str(self._on_date(flight_number, date)["status"])

    # Writes.

    def book_reservation(
        self,
        user_id: str,
        origin: str,
        destination: str,
        flight_type: str,
        cabin: str,
        flights: list[Any],
        passengers: list[Any],
        payment_methods: list[Any],
        total_baggages: int,
        nonfree_baggages: int,
        insurance: str,
    ) -> Record:
        flights = self._typed("FlightInfo", flights)
        passengers = self._typed("Passenger", passengers)
        payment_methods = self._typed("Payment", payment_methods)
        methods = self._get("users", user_id, NO_USER)["payment_methods"]
        reservation_id = self._new_reservation_id()
        reservation = {
            "reservation_id": reservation_id,
            "user_id": user_id,
            "origin": origin,
            "destination": destination,
            "flight_type": flight_type,
            "cabin": cabin,
            "flights": [],
            "passengers": passengers,
            "payment_history": payment_methods,
            "created_at": NOW,
            "total_baggages": total_baggages,
            "nonfree_baggages": nonfree_baggages,
            "insurance": insurance,
        }
        reservation = self._record("Reservation", reservation)
        total: float = 0
        segments = []
        for flight in flights:
            segments.append(self._priced(flight, cabin, passengers))
            total += segments[-1]["price"] * len(passengers)
        reservation["flights"] = segments if self.version.typed else flights
        if insurance == "yes":
            total += INSURANCE * len(passengers)
        total += BAG * nonfree_baggages
        self._check_payments(methods, payment_methods, total)
        user = self._take_payments(user_id, payment_methods)
        if self.version.seats_are_taken:
            for segment in segments:
                flight = self.tables.edit("flights", segment["flight_number"])
                flight["dates"][segment["date"]]["available_seats"][cabin] -= len(passengers)
        self.tables.put("reservations", reservation_id, reservation)
        user["reservations"].append(reservation_id)
        return reservation

    def cancel_reservation(self, reservation_id: str) -> Record:
        self._get("reservations", reservation_id, NO_RESERVATION)
        reservation = self.tables.edit("reservations", reservation_id)
        history = reservation["payment_history"]
        history.extend([self._payment(row["payment_id"], -row["amount"]) for row in history])
        reservation["status"] = "cancelled"
        return reservation

    def send_certificate(self, user_id: str, amount: int) -> str | None:
        methods = self._get("users", user_id, NO_USER)["payment_methods"]
        free = next((name for name in NEW_CERTIFICATES if name not in methods), None)
        if free is None:
            if self.version.typed:
                raise self._refuse(("", "Too many certificates"))
            # v1's tool returns nothing here, and upstream's step then breaks on its own result.
            return None
        record = self._record("Certificate", {"source": "certificate", "amount": amount, "id": free})
        self.tables.edit("users", user_id)["payment_methods"][free] = record
        return f"Certificate {free} added to user {user_id} with amount {amount}."

    def update_reservation_baggages(
        self, reservation_id: str, total_baggages: int, nonfree_baggages: int, payment_id: str
    ) -> Record:
        reservation = self._get("reservations", reservation_id, NO_RESERVATION)
        price = BAG * max(0, nonfree_baggages - reservation["nonfree_baggages"])
        reservation = self._pay(reservation, payment_id, price)
        reservation["total_baggages"] = total_baggages
        reservation["nonfree_baggages"] = nonfree_baggages
        return reservation

    def update_reservation_flights(
        self, reservation_id: str, cabin: str, flights: list[Any], payment_id: str
    ) -> Record:
        flights = self._typed("FlightInfo", flights)
        reservation = self._get("reservations", reservation_id, NO_RESERVATION)
        passengers = reservation["passengers"]
        segments = []
        price: float = 0
        for flight in flights:
            segment = self._kept(flight, cabin, reservation) or self._priced(flight, cabin, passengers)
            segments.append(segment)
            price += segment["price"] * len(passengers)
        price -= sum(segment["price"] for segment in reservation["flights"]) * len(passengers)
        reservation = self._pay(reservation, payment_id, price)
        reservation["flights"] = segments if self.version.typed else flights
        if self.version.cabin_is_updated:
            reservation["cabin"] = cabin
        return reservation

    def update_reservation_passengers(self, reservation_id: str, passengers: list[Any]) -> Record:
        passengers = self._typed("Passenger", passengers)
        reservation = self._get("reservations", reservation_id, NO_RESERVATION)
        if len(passengers) != len(reservation["passengers"]):
            raise self._refuse(cased("number of passengers does not match"))
        reservation = self.tables.edit("reservations", reservation_id)
        reservation["passengers"] = self._plain(passengers)
        return reservation

    # Inside.

    def _check_payments(self, methods: Record, payments: list[Any], total: float) -> None:
        """The user's methods must cover what is taken from them, and all of it must be the total price."""
        for payment in payments:
            method_id, amount = self._part(payment, "payment_id"), self._part(payment, "amount")
            if method_id not in methods:
                raise self._refuse(cased("payment method {key} not found"), key=method_id)
            if methods[method_id]["source"] in ("gift_card", "certificate") and methods[method_id]["amount"] < amount:
                raise self._refuse(cased("not enough balance in payment method {key}"), key=method_id)
        paid = sum(self._part(payment, "amount") for payment in payments)
        if paid != total:
            raise self._refuse(
                cased("payment amount does not add up, total price is {total}, but paid {paid}"), total=total, paid=paid
            )

    def _take_payments(self, user_id: str, payments: list[Any]) -> Record:
        """Take what a booking costs; gives the user's record for editing."""
        user = self.tables.edit("users", user_id)
        for payment in payments:
            method_id, amount = self._part(payment, "payment_id"), self._part(payment, "amount")
            # A certificate named twice fails here, after the first time has used it up.
            source = user["payment_methods"][method_id]["source"]
            if source == "gift_card":
                user["payment_methods"][method_id]["amount"] -= amount
            elif source == "certificate":
                del user["payment_methods"][method_id]
        return user

    def _on_date(self, flight_number: Any, date: Any) -> Record:
        dates = self._get("flights", flight_number, NO_FLIGHT)["dates"]
        if date not in dates:
            raise self._refuse(cased("flight {key} not found on date {date}"), key=flight_number, date=date)
        return dates[date]

    def _new_reservation_id(self) -> str:
        free = next((name for name in NEW_RESERVATIONS if not self.tables.has("reservations", name)), None)
        if free is None and self.version.typed:
            raise self._refuse(("", "Too many reservations"))
        return free or NEW_RESERVATIONS[-1]  # v1 overwrites its third booking

    def _priced(self, flight: Any, cabin: str, passengers: Any) -> Record:
        """A segment at today's price, if there are seats for all passengers."""
        number = self._part(flight, "flight_number")
        self._get("flights", number, NO_FLIGHT)
        date = self._part(flight, "date")
        day = self._on_date(number, date)
        if day["status"] != "available":
            raise self._refuse(cased("flight {key} not available on date {date}"), key=number, date=date)
        if day["available_seats"][cabin] < len(passengers):
            raise self._refuse(cased("not enough seats on flight {key}"), key=number)
        return self._segment(flight, day["prices"][cabin], self.tables.read("flights", number))

    def _kept(self, flight: Any, cabin: Any, reservation: Record) -> Record | None:
        """A segment that the reservation has already in this cabin keeps its price."""
        for old in reservation["flights"]:
            if (
                old["flight_number"] == self._part(flight, "flight_number")
                and old["date"] == self._part(flight, "date")
                and cabin == reservation["cabin"]
            ):
                return self._segment(flight, old["price"], old)
        return None

    def _segment(self, flight: Any, price: int, route: Record) -> Record:
        facts = {"price": price, "origin": route["origin"], "destination": route["destination"]}
        if not self.version.typed:
            segment: Record = flight
            segment |= facts  # v1 keeps whatever else the agent wrote into the segment
            return segment
        return self._record("ReservationFlight", {**flight.model_dump(), **facts})

    def _pay(self, reservation: Record, method_id: Any, price: float) -> Record:
        """Charge or refund a difference; gives the reservation for editing."""
        methods = self.tables.read("users", reservation["user_id"])["payment_methods"]
        if method_id not in methods:
            raise self._refuse(cased("payment method not found"))
        source = methods[method_id]["source"]
        if source == "certificate":
            raise self._refuse(cased("certificate cannot be used to update reservation"))
        if source == "gift_card":
            if methods[method_id]["amount"] < price:
                raise self._refuse(cased("gift card balance is not enough"))
            user = self.tables.edit("users", reservation["user_id"])
            user["payment_methods"][method_id]["amount"] -= price
        payment = self._payment(method_id, price) if price != 0 else None
        reservation = self.tables.edit("reservations", reservation["reservation_id"])
        if payment is not None:
            reservation["payment_history"].append(payment)
        return reservation

    def _payment(self, method_id: str, amount: float) -> Record:
        return self._record("Payment", {"payment_id": method_id, "amount": amount})

    def _typed(self, model: str, values: Any) -> Any:
        """In tau2 a list of objects becomes a list of records; one that holds anything else stays as it is."""
        if not self.version.typed:
            return values
        from forge_envs.tool_use.tau import records

        if not all(isinstance(value, dict) for value in values):
            return values
        return [getattr(records, model)(**value) for value in values]

    def _part(self, value: Any, name: str) -> Any:
        return getattr(value, name) if self.version.typed else getitem(value, name)

    def _plain(self, values: Any) -> Any:
        plain = [value.model_dump() if hasattr(value, "model_dump") else value for value in values]
        return plain if isinstance(values, list) else values
