"""What a journal's entries do to the stock."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from granary.journal import Entry, Journal, Line
from granary.lots import Lot, Lots, total_cost
from granary.money import allocate
from granary.sales import Sale


class StockError(ValueError):
    """An entry that the stock does not allow; says which line."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(f"line {number}: {message}")
        self.number = number


@dataclass
class Ledger:
    """The stock after some entries.

    Args:
        journal: Where items and entries come from.
        stock: Place and item to the lots that lie there.
        sales: Number of a sale to what it sold.
        received: Cost of all that came in, in cents.
        lost: Item to the cost of what counts found missing.
    """

    journal: Journal
    stock: dict[tuple[str, str], Lots] = field(default_factory=lambda: defaultdict(Lots))
    sales: dict[str, Sale] = field(default_factory=dict)
    received: int = 0
    lost: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _receipts: int = 0

    def apply(self, entry: Entry) -> None:
        """Take one entry into account."""
        handle = {
            "receive": self._receive,
            "move": self._move,
            "sell": self._sell,
            "return": self._return,
            "count": self._count,
        }[entry.kind]
        handle(entry)

    def quantity(self, place: str, item: str) -> int:
        """How much of an item lies in a place."""
        return self.stock[place, item].quantity if (place, item) in self.stock else 0

    @property
    def value(self) -> int:
        """Cost of all that is in stock."""
        return sum(lots.cost for lots in self.stock.values())

    @property
    def cost_of_sales(self) -> int:
        return sum(sale.cost for sale in self.sales.values())

    def _receive(self, entry: Entry) -> None:
        prices = [line.price or 0 for line in entry.lines]
        weights = prices if any(prices) else [line.quantity for line in entry.lines]
        for line, price, freight in zip(entry.lines, prices, allocate(entry.freight, weights), strict=True):
            self._receipts += 1
            self.received += price + freight
            self.stock[entry.place, line.item].add(Lot(self._receipts, line.quantity, price + freight))

    def _move(self, entry: Entry) -> None:
        origin, target = entry.words
        if origin == target:
            raise StockError(entry.number, f"a move from {origin} to itself")
        for line in entry.lines:
            for lot in self._take(origin, line):
                self.stock[target, line.item].add(lot)

    def _sell(self, entry: Entry) -> None:
        place, number = entry.words
        if number in self.sales:
            raise StockError(entry.number, f"a second sale {number}")
        sale = Sale(number, entry.day)
        for line in entry.lines:
            sale.add(line.item, line.price or 0, self._take(place, line))
        self.sales[number] = sale

    def _return(self, entry: Entry) -> None:
        place, number = entry.words
        if number not in self.sales:
            raise StockError(entry.number, f"there was no sale {number}")
        sale = self.sales[number]
        for line in entry.lines:
            try:
                lots = sale.give_back(line.item, line.quantity)
            except ValueError as error:
                raise StockError(line.number, str(error)) from error
            for lot in lots:
                self.stock[place, line.item].add(lot)

    def _count(self, entry: Entry) -> None:
        for line in entry.lines:
            there = self.quantity(entry.place, line.item)
            if line.quantity > there:
                raise StockError(line.number, f"{line.quantity} {line.item} counted, {there} known")
            if line.quantity < there:
                missing = self.stock[entry.place, line.item].take(there - line.quantity)
                self.lost[line.item] += total_cost(missing)

    def _take(self, place: str, line: Line) -> list[Lot]:
        try:
            return self.stock[place, line.item].take(line.quantity)
        except ValueError as error:
            raise StockError(line.number, f"{line.item} in {place}: {error}") from error


def run_journal(journal: Journal, on: date | None = None) -> Ledger:
    """The ledger after all entries, or after those up to and with a day."""
    ledger = Ledger(journal)
    for entry in journal.entries:
        if on is None or entry.day <= on:
            ledger.apply(entry)
    return ledger
