"""Slots in which several people can meet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rota.calendars import Calendar
from rota.interval import Interval, IntervalSet


@dataclass(frozen=True)
class Request:
    """A meeting that is wanted.

    Args:
        window: Between when and when.
        length: How long it takes.
        step: Slots start at multiples of this after midnight.
        travel: Time that each person needs between this meeting and any other one, before and after.
        optional: How many of the people may be missing.
    """

    window: Interval
    length: timedelta
    step: timedelta = timedelta(minutes=15)
    travel: timedelta = timedelta()
    optional: int = 0

    def __post_init__(self) -> None:
        if self.length <= timedelta() or self.step <= timedelta():
            raise ValueError("length and step are more than nothing")
        if self.travel < timedelta():
            raise ValueError("travel can't be negative")


@dataclass(frozen=True)
class Slot:
    """A time for a meeting and who can't come."""

    when: Interval
    missing: tuple[str, ...] = ()


def find_slots(calendars: Sequence[Calendar], request: Request) -> Iterator[Slot]:
    """Slots in order of time; they may overlap each other."""
    free = {c.owner: c.free(request.window, before=request.travel, after=request.travel) for c in calendars}
    for start in _starts(request):
        when = Interval(start, start + request.length)
        missing = tuple(sorted(owner for owner, times in free.items() if not _holds(times, when)))
        if len(missing) <= request.optional:
            yield Slot(when, missing)


def first_slot(calendars: Sequence[Calendar], request: Request) -> Slot | None:
    """The first slot with the fewest people missing, or None."""
    return min(find_slots(calendars, request), key=lambda slot: (len(slot.missing), slot.when), default=None)


def common_free(calendars: Sequence[Calendar], window: Interval) -> IntervalSet:
    """The time in which all are free."""
    common = IntervalSet([window])
    for one in calendars:
        common = common & one.free(window)
    return common


def _starts(request: Request) -> Iterator[datetime]:
    midnight = request.window.start.replace(hour=0, minute=0, second=0, microsecond=0)
    steps = -(-(request.window.start - midnight) // request.step)
    start = midnight + steps * request.step
    while start + request.length <= request.window.end:
        yield start
        start += request.step


def _holds(times: IntervalSet, when: Interval) -> bool:
    return any(part.start <= when.start and when.end <= part.end for part in times)
