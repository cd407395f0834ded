"""States of the courier suite."""

from dataclasses import dataclass
from typing import Any

from forge_envs.tool_use.synthesis.entities import Source


@dataclass(frozen=True)
class World:
    """A drawn state and the customer whom the task is about.

    Args:
        state: State of the domain.
        me: Id of the customer.
        parcel: The customer's parcel that the task is about.
        spare: The customer's other parcel.
        depot: A depot with free lockers.
    """

    state: dict[str, Any]
    me: str
    parcel: str
    spare: str
    depot: str

    @property
    def phone(self) -> str:
        """The customer's phone number."""
        phone: str = self.state["customers"][self.me]["phone"]
        return phone

    @property
    def entry(self) -> dict[str, Any]:
        """The parcel's record."""
        entry: dict[str, Any] = self.state["parcels"][self.parcel]
        return entry

    @property
    def words(self) -> str:
        """How the customer speaks of the parcel."""
        return f"the parcel with my {self.entry['item']}"

    @property
    def street(self) -> str:
        """The depot's street."""
        street: str = self.state["depots"][self.depot]["street"]
        return street


def draw_world(s: Source, status: str = "moving", value: tuple[int, int] = (10, 99)) -> World:
    """Two customers, of whom one has two parcels on their way.

    Args:
        s: Where entities come from.
        status: Status of the parcel that the task is about.
        value: Lowest and highest value of that parcel.
    """
    today = s.today()
    customers = {s.number(4, "C"): {"name": s.name(), "phone": s.number(6)} for _ in range(2)}
    me, other = s.rng.sample(list(customers), 2)
    wanted = {"customer": me, "status": status, "value": s.amount(*value)}
    spare = {"customer": me, "status": "moving", "value": s.amount(10, 99)}
    strange = {"customer": other, "status": "moving", "value": s.amount(10, 99)}
    drawn = [(s.number(4, "P"), parcel) for parcel in (wanted, spare, strange)]
    parcels = {
        key: {
            "customer": parcel["customer"],
            "item": s.item(),
            "status": parcel["status"],
            "date": s.day_after(today, *((1, 12) if parcel["status"] == "moving" else (-12, -1))),
            "address": s.address(),
            "fee": s.amount(2, 9),
            "value": parcel["value"],
            "code": s.number(4),
        }
        # In any order, so that the wanted parcel is not always the first of a list.
        for key, parcel in s.rng.sample(drawn, 3)
    }
    depots = {
        s.number(4, "D"): {
            "street": s.street(),
            "opens": f"{s.rng.randrange(6, 10):02}:{s.rng.randrange(5, 60, 5):02}",
            "free": s.rng.randrange(1, 9),
        }
        for _ in range(2)
    }
    state = {
        "today": today,
        "closed": [s.day_after(today, 13, 25)],
        "customers": customers,
        "parcels": parcels,
        "depots": depots,
        "claims": {},
    }
    return World(state, me, drawn[0][0], drawn[1][0], s.rng.choice(list(depots)))
