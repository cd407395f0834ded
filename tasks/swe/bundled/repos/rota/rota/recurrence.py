"""Rules for events that repeat: daily, weekly on some weekdays, monthly, yearly."""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count as count_from

FREQUENCIES = ("daily", "weekly", "monthly", "yearly")


def add_months(day: date, months: int) -> date:
    """The same day of another month, or that month's last day where it has no such day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


@dataclass(frozen=True)
class Rule:
    """How an event repeats.

    Args:
        frequency: One of `FREQUENCIES`.
        every: Each how many days, weeks, months or years.
        weekdays: For weekly rules: Monday is 0. Empty for the weekday of the first day.
        count: How many occurrences there are at most.
        until: The last day on which there may be one.
        skipped: Days on which an occurrence is cancelled. A cancelled one still counts towards `count`.
    """

    frequency: str
    every: int = 1
    weekdays: frozenset[int] = frozenset()
    count: int | None = None
    until: date | None = None
    skipped: frozenset[date] = field(default=frozenset())

    def __post_init__(self) -> None:
        if self.frequency not in FREQUENCIES:
            raise ValueError(f"unknown frequency {self.frequency!r}: one of {', '.join(FREQUENCIES)}")
        if self.every < 1:
            raise ValueError(f"every is {self.every}: at least 1")
        if self.weekdays and self.frequency != "weekly":
            raise ValueError("weekdays are for weekly rules")

    def days(self, first: date) -> Iterator[date]:
        """The days of the occurrences, in order; endless without `count` and `until`."""
        for number, day in enumerate(self._candidates(first)):
            if self.count is not None and number >= self.count:
                return
            if self.until is not None and day > self.until:
                return
            if day not in self.skipped:
                yield day

    def days_between(self, first: date, start: date, end: date) -> list[date]:
        """The days of the occurrences from `start` up to and with `end`."""
        found = []
        for day in self.days(first):
            if day > end:
                break
            if day >= start:
                found.append(day)
        return found

    def _candidates(self, first: date) -> Iterator[date]:
        if self.frequency == "daily":
            yield from (first + timedelta(days=self.every * step) for step in count_from())
        elif self.frequency == "weekly":
            yield from self._weekly(first)
        else:
            months = self.every * (12 if self.frequency == "yearly" else 1)
            yield from (add_months(first, months * step) for step in count_from())

    def _weekly(self, first: date) -> Iterator[date]:
        weekdays = sorted(self.weekdays or {first.weekday()})
        monday = first - timedelta(days=first.weekday())
        for step in count_from():
            week = monday + timedelta(weeks=self.every * step)
            for weekday in weekdays:
                day = week + timedelta(days=weekday)
                if day >= first:
                    yield day
