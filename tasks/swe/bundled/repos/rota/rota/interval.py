"""Half-open intervals of time, and sets of them that stay sorted and merged."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, order=True)
class Interval:
    """From `start` until just before `end`."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"an interval ends after it starts: {self.start} to {self.end}")

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def overlaps(self, other: "Interval") -> bool:
        return self.start < other.end and other.start < self.end

    def clip(self, window: "Interval") -> "Interval | None":
        """The part inside the window, or None."""
        start, end = max(self.start, window.start), min(self.end, window.end)
        return Interval(start, end) if start < end else None

    def widen(self, before: timedelta, after: timedelta) -> "Interval":
        """The interval with time added at both ends."""
        return Interval(self.start - before, self.end + after)

    def shift(self, by: timedelta) -> "Interval":
        return Interval(self.start + by, self.end + by)


class IntervalSet:
    """Moments in time as sorted intervals that neither overlap nor touch."""

    def __init__(self, intervals: Iterable[Interval] = ()) -> None:
        self._parts: list[Interval] = []
        for interval in sorted(intervals):
            if self._parts and interval.start <= self._parts[-1].end:
                last = self._parts.pop()
                interval = Interval(last.start, max(last.end, interval.end))
            self._parts.append(interval)

    def __iter__(self) -> Iterator[Interval]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __bool__(self) -> bool:
        return bool(self._parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IntervalSet) and self._parts == other._parts

    def __hash__(self) -> int:
        return hash(tuple(self._parts))

    def __contains__(self, moment: datetime) -> bool:
        return any(moment in part for part in self._parts)

    def __repr__(self) -> str:
        inside = ", ".join(f"{p.start:%Y-%m-%d %H:%M}/{p.end:%Y-%m-%d %H:%M}" for p in self._parts)
        return f"IntervalSet({inside})"

    def __or__(self, other: "IntervalSet") -> "IntervalSet":
        return IntervalSet([*self._parts, *other._parts])

    def __and__(self, other: "IntervalSet") -> "IntervalSet":
        found = []
        mine, theirs = list(self._parts), list(other._parts)
        i = j = 0
        while i < len(mine) and j < len(theirs):
            common = mine[i].clip(theirs[j])
            if common:
                found.append(common)
            if mine[i].end < theirs[j].end:
                i += 1
            else:
                j += 1
        return IntervalSet(found)

    def __sub__(self, other: "IntervalSet") -> "IntervalSet":
        left = []
        for part in self._parts:
            start = part.start
            for hole in other._parts:
                if not hole.overlaps(part):
                    continue
                if start < hole.start:
                    left.append(Interval(start, hole.start))
                start = max(start, hole.end)
            if start < part.end:
                left.append(Interval(start, part.end))
        return IntervalSet(left)

    @property
    def total(self) -> timedelta:
        return sum((part.length for part in self._parts), timedelta())
