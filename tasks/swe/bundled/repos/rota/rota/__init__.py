"""Calendars, recurring events and free time."""

from rota.calendars import Calendar, Event, WorkingHours
from rota.finder import Request, find_slots, first_slot
from rota.interval import Interval, IntervalSet
from rota.recurrence import Rule

__all__ = [
    "Calendar",
    "Event",
    "Interval",
    "IntervalSet",
    "Request",
    "Rule",
    "WorkingHours",
    "find_slots",
    "first_slot",
]
