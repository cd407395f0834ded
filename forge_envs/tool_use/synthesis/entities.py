"""Names, titles, streets and numbers, parted so that training and held-out tasks share none of them."""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import product
from typing import Literal

Split = Literal["train", "heldout"]


def _words(text: str) -> list[str]:
    return text.split()


FIRST_NAME_STARTS = _words("Al An Be Ca Da El Fa Ga Ha Is Jo Ka La Ma Ne Os Pa Ra Sa Ta Vi Wi")
FIRST_NAME_ENDS = _words("bel do lin mir na ra ric sa ta ven")
LAST_NAME_STARTS = _words(
    "Ash Birch Brook Cald Dun East Fair Green Hart Holm Kings Lang Mill Nor Oak Penn Red Stan Thorn West Wood"
)
LAST_NAME_ENDS = _words("berg dale field ford ley man more ridge stone ton well worth")
TITLE_FIRST = _words(
    "Silver Silent Golden Hidden Broken Winter Summer Paper Iron Glass Distant Little Last Second Burning Frozen Empty "
    "Crooked Northern Secret Painted Wooden Velvet Stolen"
)
TITLE_SECOND = _words(
    "Harbor River Garden Letter Window Forest Island Mirror Tower Bridge Orchard Lantern Station Valley Compass Castle "
    "Market Meadow Violin Planet Kitchen Desert Ladder Sparrow"
)
STREET_NAMES = _words(
    "Elm Oak Mill Park Hill Lake Church Station Garden Bridge Castle Meadow Forest Harbor Rose Birch Maple Willow King "
    "Queen Market School Spring Tower Cedar Chapel"
)
STREET_KINDS = ("Road", "Street", "Lane", "Avenue")
ITEMS = _words("lamp kettle camera jacket guitar blender carpet mirror clock printer helmet tent radio toaster vase")


def _every_fourth(first: list[str], second: list[str] | tuple[str, ...], split: Split, glue: str = " ") -> list[str]:
    # Pairs are parted, not words: a held-out title or name is new, though a small vocabulary can still spell it.
    pairs = product(enumerate(first), enumerate(second))
    return [f"{a}{glue}{b}" for (i, a), (j, b) in pairs if ((i + j) % 4 == 3) == (split == "heldout")]


def in_split(number: str, split: Split) -> bool:
    """Whether an id or code belongs to a split: the parity of its digits' sum, leaving out the last digit.

    Args:
        number: A number of at least two digits, with or without a letter in front.
        split: Even sums are training, odd sums are held out.

    Returns:
        True if it does. Because the last digit does not count, the number that follows mostly stays in the split.
    """
    digits = [int(character) for character in number if character.isdigit()]
    return sum(digits[:-1]) % 2 == (split == "heldout")


@dataclass
class Source:
    """Draws entities of one split for one task, never the same twice.

    Args:
        split: Which part of every pool to draw from.
        rng: The task's own generator.
    """

    split: Split
    rng: random.Random
    _used: set[str] = field(default_factory=set)

    def pick(self, pool: list[str]) -> str:
        """A member of `pool` that this task has not drawn yet."""
        found = self.rng.choice([entry for entry in pool if entry not in self._used])
        self._used.add(found)
        return found

    def number(self, digits: int, letter: str = "", last: str = "0123456789") -> str:
        """A number of so many digits, such as an id, that belongs to the split.

        Args:
            digits: How many.
            letter: Put in front.
            last: What the last digit may be.
        """
        while True:
            found = f"{letter}{self.rng.randrange(10 ** (digits - 1), 10**digits)}"
            if in_split(found, self.split) and found[-1] in last and self._is_new(found):
                return found

    def _is_new(self, number: str) -> bool:
        # A number inside another one could be said, or read, by accident.
        if any(number in other or other in number for other in self._used):
            return False
        self._used.add(number)
        return True

    def name(self) -> str:
        """First and last name."""
        first = self.pick(_every_fourth(FIRST_NAME_STARTS, FIRST_NAME_ENDS, self.split, glue=""))
        return f"{first} {self.pick(_every_fourth(LAST_NAME_STARTS, LAST_NAME_ENDS, self.split, glue=''))}"

    def title(self) -> str:
        """A book's title."""
        return self.pick([f"The {pair}" for pair in _every_fourth(TITLE_FIRST, TITLE_SECOND, self.split)])

    def street(self) -> str:
        """A street's name."""
        return self.pick(_every_fourth(STREET_NAMES, STREET_KINDS, self.split))

    def address(self) -> str:
        """House number and street."""
        return f"{self.rng.randrange(1, 100)} {self.street()}"

    def item(self) -> str:
        """What a parcel holds; both splits share these words."""
        return self.pick(ITEMS)

    def amount(self, low: int, high: int) -> float:
        """A sum of money between two whole numbers with one decimal that is not 0, so that it never looks like a count.

        Args:
            low: At least this.
            high: Less than this.
        """
        while True:
            found = f"{self.rng.randrange(low, high)}.{self.rng.randrange(1, 10)}"
            if self._is_new(found):
                return float(found)

    def today(self) -> str:
        """A day of 2026."""
        return after("2026-01-01", self.rng.randrange(330))

    def day_after(self, day: str, low: int, high: int) -> str:
        """A day that many days after another, not drawn before."""
        return self.pick([after(day, days) for days in range(low, high + 1)])


def email_of(name: str, host: str = "mail.example") -> str:
    """The e-mail of a person, from the name."""
    return f"{name.lower().replace(' ', '.')}@{host}"


def after(day: str, days: int) -> str:
    """The date so many days after an ISO date."""
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
