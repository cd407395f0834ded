"""The courier's service desk: parcels, deliveries, depots, refunds and claims."""

from datetime import date
from typing import Any, ClassVar

from forge_envs.core.errors import ToolError
from forge_envs.core.tools import tool
from forge_envs.tool_use.domain import Domain


class Courier(Domain):
    """A parcel courier's service desk.

    The state has `today`, `closed` (days without delivery), `customers` (name, phone), `parcels` (customer, item,
    status, date, address, fee, value, code), `depots` (street, opens, free lockers) and `claims` (parcel, amount).
    A parcel is moving, at a depot, delivered or lost; a lost one becomes refunded or claimed.

    The tools refuse what is impossible. Three rules are the agent's own: consent to the fee of a redirect, the value
    from which a claim replaces a refund, and asking for the phone number when nobody said who is calling.
    """

    name: ClassVar[str] = "courier"
    policy: ClassVar[str] = (
        "You work at the service desk of a parcel courier. Use the tools and never invent ids. "
        "If you know neither parcel nor customer, ask for the phone number. "
        "A redirect costs a fee: say how much, ask for consent, and redirect only after a yes. "
        "For a lost parcel refund its value if that is at most 50, otherwise open a claim. "
        "If a parcel is not lost, decline to refund it and change nothing. "
        "Do only what was asked. When done, say so in one short sentence."
    )

    @tool
    def find_customer(self, phone: str) -> dict[str, Any]:
        """Find a customer.

        Args:
            phone: Phone number.

        Raises:
            ToolError: Nobody has this phone number.
        """
        for customer, entry in self.state["customers"].items():
            if entry["phone"] == phone.strip():
                return {"customer": customer, "name": entry["name"]}
        raise ToolError("no customer has this phone number")

    @tool
    def list_parcels(self, customer: str) -> list[dict[str, Any]]:
        """List a customer's parcels.

        Args:
            customer: Customer id.

        Raises:
            ToolError: No such customer.
        """
        self._get("customers", customer)
        return [
            {"parcel": key, "item": parcel["item"], "status": parcel["status"]}
            for key, parcel in self.state["parcels"].items()
            if parcel["customer"] == customer
        ]

    @tool
    def track_parcel(self, parcel: str) -> dict[str, Any]:
        """Show the details of a parcel.

        Args:
            parcel: Parcel id.

        Raises:
            ToolError: No such parcel.
        """
        entry = self._get("parcels", parcel)
        return {key: entry[key] for key in ("status", "date", "address", "fee", "value")}

    @tool
    def find_depot(self, street: str) -> dict[str, Any]:
        """Find the depot in a street.

        Args:
            street: Name of the street.

        Raises:
            ToolError: No depot is there.
        """
        for depot, entry in self.state["depots"].items():
            if entry["street"].lower() == street.strip().lower():
                return {"depot": depot, "opens": entry["opens"], "free": entry["free"]}
        raise ToolError("there is no depot in this street")

    @tool
    def reschedule_parcel(self, parcel: str, day: str) -> str:
        """Deliver a parcel on another day.

        Args:
            parcel: Parcel id.
            day: New day, as 2026-03-14.

        Raises:
            ToolError: No such parcel, it is not moving, or nothing is delivered on that day.
        """
        entry = self._moving(parcel)
        try:
            wanted = date.fromisoformat(day).isoformat()
        except ValueError:
            raise ToolError("write the day as 2026-03-14") from None
        if wanted <= self.state["today"]:
            raise ToolError("the day must be after today")
        if wanted in self.state["closed"]:
            raise ToolError("no deliveries on that day")
        if wanted == entry["date"]:
            raise ToolError("the parcel comes on that day already")
        entry["date"] = wanted
        return "rescheduled"

    @tool
    def redirect_parcel(self, parcel: str, address: str) -> str:
        """Deliver a parcel to another address.

        Args:
            parcel: Parcel id.
            address: House number and street.

        Raises:
            ToolError: No such parcel, it is not moving, or the address is empty or the same.
        """
        entry = self._moving(parcel)
        if not address.strip():
            raise ToolError("the address is empty")
        if address.strip().lower() == entry["address"].lower():
            raise ToolError("the parcel goes to this address already")
        entry["address"] = address.strip()
        return "redirected"

    @tool
    def send_to_depot(self, parcel: str, depot: str) -> dict[str, Any]:
        """Keep a parcel at a depot for pick-up.

        Args:
            parcel: Parcel id.
            depot: Depot id.

        Raises:
            ToolError: No such parcel or depot, the parcel is not moving, or the depot is full.
        """
        entry = self._moving(parcel)
        place = self._get("depots", depot)
        if place["free"] < 1:
            raise ToolError("the depot is full")
        place["free"] -= 1
        entry["status"] = "depot"
        entry["address"] = depot
        return {"code": entry["code"]}

    @tool
    def refund_parcel(self, parcel: str, amount: float) -> str:
        """Pay back the value of a lost parcel.

        Args:
            parcel: Parcel id.
            amount: The parcel's value.

        Raises:
            ToolError: No such parcel, it is not lost, or the amount is not its value.
        """
        self._lost(parcel, amount)["status"] = "refunded"
        return "refunded"

    @tool
    def open_claim(self, parcel: str, amount: float) -> dict[str, Any]:
        """Open a claim for a lost parcel.

        Args:
            parcel: Parcel id.
            amount: The parcel's value.

        Raises:
            ToolError: No such parcel, it is not lost, or the amount is not its value.
        """
        self._lost(parcel, amount)["status"] = "claimed"
        # One claim a parcel, so the parcel's number makes the claim's.
        claim = f"K{parcel[1:]}"
        self.state["claims"][claim] = {"parcel": parcel, "amount": amount}
        return {"claim": claim}

    @tool
    def update_phone(self, customer: str, phone: str) -> str:
        """Change a customer's phone number.

        Args:
            customer: Customer id.
            phone: New phone number.

        Raises:
            ToolError: No such customer, not a phone number, or somebody has it already.
        """
        entry = self._get("customers", customer)
        if not (phone.isascii() and phone.isdigit() and len(phone) == 6):
            raise ToolError("a phone number has 6 digits")
        if any(other["phone"] == phone for other in self.state["customers"].values()):
            raise ToolError("this phone number is in use")
        entry["phone"] = phone
        return "updated"

    def _get(self, table: str, key: str) -> dict[str, Any]:
        found: dict[str, Any] | None = self.state[table].get(key)
        if found is None:
            raise ToolError(f"no {table[:-1]} has the id {key[:40]}")
        return found

    def _moving(self, parcel: str) -> dict[str, Any]:
        entry = self._get("parcels", parcel)
        if entry["status"] != "moving":
            raise ToolError(f"the parcel is not moving, its status is {entry['status']}")
        return entry

    def _lost(self, parcel: str, amount: float) -> dict[str, Any]:
        entry = self._get("parcels", parcel)
        if entry["status"] != "lost":
            raise ToolError(f"the parcel is not lost, its status is {entry['status']}")
        if amount != entry["value"]:
            raise ToolError("the amount is not the value of this parcel")
        return entry
