"""Agendas and sums of hours as text."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

from rota.calendars import ONE_DAY, Calendar
from rota.interval import Interval


def format_length(length: timedelta) -> str:
    """As `1h30m`, `45m` or `2h`."""
    minutes = int(length.total_seconds()) // 60
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{rest}m"
    return f"{hours}h{rest}m" if rest else f"{hours}h"


def day_agenda(calendar: Calendar, day: date) -> str:
    """All that takes place on a day, one line each."""
    lines = [f"{calendar.owner}, {day:%A} {day}"]
    midnight = datetime.combine(day, time())
    for when, event in calendar.on(day):
        start = f"{when.start:%H:%M}" if when.start >= midnight else "  ..."
        end = f"{when.end:%H:%M}" if when.end <= midnight + ONE_DAY else "..."
        place = f" ({event.place})" if event.place else ""
        lines.append(f"  {start}-{end} {event.title}{place}")
    if len(lines) == 1:
        lines.append("  nothing")
    return "\n".join(lines)


def hours_by_title(calendar: Calendar, window: Interval) -> dict[str, timedelta]:
    """How long each kind of event takes inside a window, longest first."""
    sums: dict[str, timedelta] = defaultdict(timedelta)
    for when, event in calendar.occurrences(window):
        inside = when.clip(window)
        if inside:
            sums[event.title] += inside.length
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))


def load(calendars: Iterable[Calendar], window: Interval) -> dict[str, float]:
    """Owner to the share of working time that is busy, from 0 to 1."""
    found = {}
    for one in calendars:
        working = one.hours.between(window)
        busy = working & one.busy(window)
        found[one.owner] = busy.total / working.total if working else 0.0
    return found
