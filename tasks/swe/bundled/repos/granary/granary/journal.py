"""Reading journals."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from granary.money import parse_amount

KINDS = {"receive": 1, "move": 2, "sell": 2, "return": 2, "count": 1}
"""Kind of an entry to how many words follow it."""
_NUMBER = re.compile(r"\d+")


class JournalError(ValueError):
    """A line that can't be read; says which."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(f"line {number}: {message}")
        self.number = number


@dataclass(frozen=True)
class Item:
    """Something that is kept in stock: its code, its base unit, its name and what other units hold."""

    code: str
    unit: str
    name: str
    units: dict[str, int] = field(default_factory=dict)

    def in_base(self, quantity: int, unit: str) -> int:
        """A quantity in the base unit."""
        if unit == self.unit:
            return quantity
        if unit not in self.units:
            raise ValueError(f"{self.code} has no unit {unit!r}")
        return quantity * self.units[unit]


@dataclass(frozen=True)
class Line:
    """A line of an entry: how much of an item, in its base unit, and the price of all of it in cents."""

    item: str
    quantity: int
    price: int | None
    number: int


@dataclass(frozen=True)
class Entry:
    """Something that happened: a receipt, a move, a sale, a return or a count."""

    day: date
    kind: str
    words: tuple[str, ...]
    lines: tuple[Line, ...]
    freight: int
    number: int

    @property
    def place(self) -> str:
        return self.words[0]


@dataclass(frozen=True)
class Journal:
    """Items by their code, and entries in the order in which they count."""

    items: dict[str, Item]
    entries: tuple[Entry, ...]


def parse_journal(text: str) -> Journal:
    """Read a journal."""
    items: dict[str, Item] = {}
    found: list[tuple[Entry, list[Line]]] = []
    freight: dict[int, int] = {}
    for number, line in _lines(text):
        words = line.split()
        try:
            if line[0].isspace():
                if not found:
                    raise ValueError("an indented line belongs to an entry")
                entry, lines = found[-1]
                if words[0] == "freight":
                    freight[entry.number] = _freight(entry, words)
                else:
                    lines.append(_line(words, items, entry, number))
            elif words[0] == "item":
                _item(words, items)
            elif words[0] == "unit":
                _unit(words, items)
            else:
                found.append((_entry(words, number), []))
        except ValueError as error:
            raise JournalError(number, str(error)) from error
    entries = []
    for entry, lines in found:
        if not lines:
            raise JournalError(entry.number, f"{entry.kind} of nothing")
        shipped = freight.get(entry.number, 0)
        entries.append(Entry(entry.day, entry.kind, entry.words, tuple(lines), shipped, entry.number))
    return Journal(items, tuple(sorted(entries, key=lambda entry: entry.day)))


def _item(words: list[str], items: dict[str, Item]) -> None:
    if len(words) < 4:
        raise ValueError("item CODE UNIT NAME")
    if words[1] in items:
        raise ValueError(f"a second item {words[1]!r}")
    items[words[1]] = Item(words[1], words[2], " ".join(words[3:]))


def _unit(words: list[str], items: dict[str, Item]) -> None:
    if len(words) != 4:
        raise ValueError("unit NAME CODE NUMBER")
    item = _known(words[2], items)
    item.units[words[1]] = _number(words[3])


def _entry(words: list[str], number: int) -> Entry:
    if len(words) < 2 or words[1] not in KINDS:
        raise ValueError(f"an entry is a day and one of {', '.join(KINDS)}")
    day, kind, *rest = words
    if len(rest) != KINDS[kind]:
        raise ValueError(f"{kind} takes {KINDS[kind]} words, not {len(rest)}")
    return Entry(date.fromisoformat(day), kind, tuple(rest), (), 0, number)


def _line(words: list[str], items: dict[str, Item], entry: Entry, number: int) -> Line:
    priced = entry.kind in ("receive", "sell")
    if len(words) != (5 if priced else 3) or (priced and words[3] != "@"):
        raise ValueError("CODE NUMBER UNIT" + (" @ PRICE" if priced else ""))
    item = _known(words[0], items)
    quantity = _number(words[1], least=0 if entry.kind == "count" else 1)
    price = parse_amount(words[4]) * quantity if priced else None
    if price is not None and price < 0:
        raise ValueError("a price is not negative")
    return Line(item.code, item.in_base(quantity, words[2]), price, number)


def _freight(entry: Entry, words: list[str]) -> int:
    if entry.kind != "receive" or len(words) != 2:
        raise ValueError("freight AMOUNT, in a receipt")
    return parse_amount(words[1])


def _known(code: str, items: dict[str, Item]) -> Item:
    if code not in items:
        raise ValueError(f"unknown item {code!r}")
    return items[code]


def _number(text: str, least: int = 1) -> int:
    if not _NUMBER.fullmatch(text) or int(text) < least:
        raise ValueError(f"not a number of {least} or more: {text!r}")
    return int(text)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.rstrip()
