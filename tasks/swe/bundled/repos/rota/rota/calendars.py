"""A person's calendar: events, once or repeating, and working hours."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from rota.interval import Interval, IntervalSet
from rota.recurrence import Rule

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Event:
    """Something that takes time.

    Args:
        title: What it is.
        when: The first time that it takes place.
        rule: How it repeats, or None.
        busy: Whether it keeps its owner from meeting others.
        place: Where it is, or nothing.
    """

    title: str
    when: Interval
    rule: Rule | None = None
    busy: bool = True
    place: str = ""

    def occurrences(self, window: Interval) -> Iterator[Interval]:
        """The times that overlap a window, in order."""
        if self.rule is None:
            if self.when.overlaps(window):
                yield self.when
            return
        first = self.when.start.date()
        # An occurrence that began days before the window may reach into it.
        start = window.start.date() - self.when.length - ONE_DAY
        for day in self.rule.days_between(first, start, window.end.date()):
            occurrence = self.when.shift(day - first)
            if occurrence.overlaps(window):
                yield occurrence


@dataclass(frozen=True)
class WorkingHours:
    """Weekday (Monday is 0) to the times of day between which its owner works."""

    hours: Mapping[int, tuple[tuple[time, time], ...]] = field(default_factory=dict)

    @classmethod
    def weekdays(cls, start: time, end: time) -> "WorkingHours":
        """The same hours from Monday to Friday."""
        return cls({weekday: ((start, end),) for weekday in range(5)})

    def between(self, window: Interval) -> IntervalSet:
        """The working time inside a window."""
        found = []
        day = window.start.date()
        while day <= window.end.date():
            for start, end in self.hours.get(day.weekday(), ()):
                shift = Interval(datetime.combine(day, start), datetime.combine(day, end))
                inside = shift.clip(window)
                if inside:
                    found.append(inside)
            day += ONE_DAY
        return IntervalSet(found)


class Calendar:
    """One person's events and working hours."""

    def __init__(self, owner: str, hours: WorkingHours | None = None, events: Iterable[Event] = ()) -> None:
        self.owner = owner
        self.hours = hours or WorkingHours.weekdays(time(9), time(17))
        self.events = list(events)

    def add(self, event: Event) -> None:
        self.events.append(event)

    def occurrences(self, window: Interval) -> list[tuple[Interval, Event]]:
        """All that takes place in a window, in order of time."""
        found = [(when, event) for event in self.events for when in event.occurrences(window)]
        return sorted(found, key=lambda pair: (pair[0], pair[1].title))

    def busy(self, window: Interval, *, before: timedelta = timedelta(), after: timedelta = timedelta()) -> IntervalSet:
        """The busy time inside a window.

        Args:
            window: Where to look.
            before: Time to keep free before each event.
            after: Time to keep free after each event.
        """
        # An event outside the window blocks some of it when the time around the event reaches in.
        reach = window.widen(after, before)
        found = []
        for when, event in self.occurrences(reach):
            inside = when.widen(before, after).clip(window) if event.busy else None
            if inside:
                found.append(inside)
        return IntervalSet(found)

    def free(self, window: Interval, *, before: timedelta = timedelta(), after: timedelta = timedelta()) -> IntervalSet:
        """The working time inside a window in which nothing takes place."""
        return self.hours.between(window) - self.busy(window, before=before, after=after)

    def on(self, day: date) -> list[tuple[Interval, Event]]:
        """All that takes place on a day."""
        start = datetime.combine(day, time())
        return self.occurrences(Interval(start, start + ONE_DAY))
