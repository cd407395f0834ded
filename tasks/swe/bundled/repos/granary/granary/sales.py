"""What a sale sold, and what came back of it."""

from dataclasses import dataclass, field
from datetime import date

from granary.lots import Lot, total_cost
from granary.money import allocate


@dataclass
class SoldItem:
    """One item of a sale: what is paid for it, and the lots that it came from in the order in which they left."""

    income: int = 0
    lots: list[Lot] = field(default_factory=list)

    @property
    def quantity(self) -> int:
        return sum(lot.quantity for lot in self.lots)


@dataclass
class Sale:
    """A sale, without what came back."""

    number: str
    day: date
    items: dict[str, SoldItem] = field(default_factory=dict)

    @property
    def income(self) -> int:
        return sum(sold.income for sold in self.items.values())

    @property
    def cost(self) -> int:
        return sum(total_cost(sold.lots) for sold in self.items.values())

    def add(self, item: str, income: int, lots: list[Lot]) -> None:
        """Sell some more of an item."""
        sold = self.items.setdefault(item, SoldItem())
        sold.income += income
        sold.lots += lots

    def give_back(self, item: str, quantity: int) -> list[Lot]:
        """Undo a part of the sale; returns the lots that the goods go back into, what left last first."""
        sold = self.items.get(item, SoldItem())
        if quantity > sold.quantity:
            raise ValueError(f"{quantity} {item} come back, {sold.quantity} of sale {self.number} are out")
        _, sold.income = allocate(sold.income, [quantity, sold.quantity - quantity])
        found = []
        while quantity:
            lot = sold.lots.pop()
            if lot.quantity > quantity:
                lot, rest = lot.split(quantity)
                sold.lots.append(rest)
            found.append(lot)
            quantity -= lot.quantity
        return found
