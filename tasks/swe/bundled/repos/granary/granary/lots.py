"""Lots of one item in one place, oldest first."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from granary.money import allocate


@dataclass(frozen=True)
class Lot:
    """Goods that came in together: how many, and what all of them cost in cents.

    Args:
        age: Grows with every receipt; the lot with the smallest one goes first.
        quantity: In the item's base unit.
        cost: Of all of them.
    """

    age: int
    quantity: int
    cost: int

    def split(self, quantity: int) -> tuple["Lot", "Lot"]:
        """A part of so many, and the rest; their costs add up."""
        part, rest = allocate(self.cost, [quantity, self.quantity - quantity])
        return Lot(self.age, quantity, part), Lot(self.age, self.quantity - quantity, rest)


class Lots:
    """Lots in order of age; at most one of each age."""

    def __init__(self) -> None:
        self._held: list[Lot] = []

    def __iter__(self) -> Iterator[Lot]:
        return iter(self._held)

    @property
    def quantity(self) -> int:
        return sum(lot.quantity for lot in self._held)

    @property
    def cost(self) -> int:
        return sum(lot.cost for lot in self._held)

    def add(self, lot: Lot) -> None:
        """Put a lot where its age belongs; goods of the same receipt become one lot again."""
        for index, held in enumerate(self._held):
            if held.age == lot.age:
                self._held[index] = Lot(lot.age, held.quantity + lot.quantity, held.cost + lot.cost)
                return
        self._held.append(lot)
        self._held.sort(key=lambda one: one.age)

    def take(self, quantity: int) -> list[Lot]:
        """Take goods out, the oldest first."""
        if quantity > self.quantity:
            raise ValueError(f"{quantity} are wanted, {self.quantity} are there")
        taken = []
        while quantity:
            lot = self._held.pop(0)
            if lot.quantity > quantity:
                lot, rest = lot.split(quantity)
                self._held.insert(0, rest)
            taken.append(lot)
            quantity -= lot.quantity
        return taken


def total_cost(lots: Iterable[Lot]) -> int:
    """What goods cost together."""
    return sum(lot.cost for lot in lots)
