"""The text format of calendars.

    owner: Ada
    hours: mon-thu 09:00-12:00 13:00-17:00
    hours: fri 09:00-13:00
    2024-05-06 10:00 +45m Stand-up @ Room 2 | daily until 2024-05-31 skip 2024-05-09
    2024-05-07 15:00 +2h ~ Gym | weekly on tue,thu count 10

A tilde marks an event that doesn't keep its owner busy. A line that begins with # is a comment.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from rota.calendars import Calendar, Event, WorkingHours
from rota.interval import Interval
from rota.recurrence import Rule

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNITS = {"d": "days", "h": "hours", "m": "minutes"}
_EVENT = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d) \+(\S+) (~ )?([^@|]+?)(?: @ ([^|]+?))?(?: \| (.+))?$")
_LENGTH = re.compile(r"(\d+)([dhm])")


class FormatError(ValueError):
    """A line that can't be read; says which."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(f"line {number}: {message}")
        self.number = number


def parse_calendar(text: str) -> Calendar:
    """Read one calendar."""
    owner = ""
    hours: dict[int, tuple[tuple[time, time], ...]] = {}
    events = []
    for number, line in _lines(text):
        try:
            if line.startswith("owner:"):
                owner = line.removeprefix("owner:").strip()
            elif line.startswith("hours:"):
                hours.update(parse_hours(line.removeprefix("hours:")))
            else:
                events.append(parse_event(line))
        except ValueError as error:
            raise FormatError(number, str(error)) from error
    if not owner:
        raise FormatError(1, "a calendar has an owner")
    return Calendar(owner, WorkingHours(hours) if hours else None, events)


def parse_hours(text: str) -> dict[int, tuple[tuple[time, time], ...]]:
    """Read `mon-thu 09:00-12:00 13:00-17:00`."""
    days, *ranges = text.split()
    if not ranges:
        raise ValueError("working hours need at least one range of times")
    shifts = []
    for part in ranges:
        start, _, end = part.partition("-")
        shift = time.fromisoformat(start), time.fromisoformat(end)
        if shift[1] <= shift[0]:
            raise ValueError(f"working hours end after they start: {part}")
        shifts.append(shift)
    return {weekday: tuple(sorted(shifts)) for weekday in parse_weekdays(days)}


def parse_weekdays(text: str) -> list[int]:
    """Read `mon,wed` or `mon-fri`; a range may pass Sunday."""
    found = set()
    for part in text.lower().split(","):
        first, dash, last = part.partition("-")
        unknown = [name for name in (first, last) if name and name not in WEEKDAYS]
        if unknown or not first or (dash and not last):
            raise ValueError(f"unknown weekday in {text!r}")
        start = WEEKDAYS.index(first)
        length = (WEEKDAYS.index(last) - start) % 7 if last else 0
        found |= {(start + step) % 7 for step in range(length + 1)}
    return sorted(found)


def parse_length(text: str) -> timedelta:
    """Read `45m`, `2h` or `1d2h30m`."""
    parts = _LENGTH.findall(text)
    if not parts or "".join(n + unit for n, unit in parts) != text:
        raise ValueError(f"unknown length {text!r}")
    return timedelta(**{UNITS[unit]: int(n) for n, unit in parts})


def parse_event(line: str) -> Event:
    """Read one event."""
    match = _EVENT.match(line)
    if not match:
        raise ValueError(f"not an event: {line!r}")
    day, clock, length, tilde, title, place, rule = match.groups()
    start = datetime.fromisoformat(f"{day}T{clock}")
    when = Interval(start, start + parse_length(length))
    return Event(title.strip(), when, parse_rule(rule) if rule else None, busy=not tilde, place=place or "")


def parse_rule(text: str) -> Rule:
    """Read `monthly every 2 count 6 skip 2024-05-31,2024-07-31`."""
    frequency, *words = text.split()
    if len(words) % 2:
        raise ValueError(f"a rule has pairs of a word and a value after its frequency: {text!r}")
    given = dict(zip(words[::2], words[1::2], strict=True))
    known = {"every", "on", "count", "until", "skip"}
    if set(given) - known:
        raise ValueError(f"unknown word in rule: {sorted(set(given) - known)[0]!r}")
    return Rule(
        frequency,
        every=int(given.get("every", 1)),
        weekdays=frozenset(parse_weekdays(given["on"])) if "on" in given else frozenset(),
        count=int(given["count"]) if "count" in given else None,
        until=date.fromisoformat(given["until"]) if "until" in given else None,
        skipped=frozenset(date.fromisoformat(d) for d in given["skip"].split(",")) if "skip" in given else frozenset(),
    )


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            yield number, line.strip()
