from datetime import date, datetime, time, timedelta

import pytest
from rota.calendars import Calendar, Event, WorkingHours
from rota.interval import Interval, IntervalSet
from rota.recurrence import Rule

HOUR = timedelta(hours=1)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2024, 5, day, hour, minute)


def hours(day: int, start: int, end: int) -> Interval:
    return Interval(at(day, start), at(day, end))


def month(year: int, number: int) -> Interval:
    end = datetime(year + number // 12, number % 12 + 1, 1)
    return Interval(datetime(year, number, 1), end)


@pytest.fixture
def calendar() -> Calendar:
    events = [
        Event("Review", hours(6, 10, 11)),
        Event("Lunch", hours(6, 12, 13), busy=False),
        Event("Stand-up", Interval(at(6, 9), at(6, 9, 15)), Rule("daily")),
    ]
    return Calendar("Ada", events=events)


def test_an_event_that_takes_place_once():
    event = Event("Review", hours(6, 10, 11))
    assert list(event.occurrences(hours(6, 8, 18))) == [hours(6, 10, 11)]
    assert list(event.occurrences(hours(6, 11, 18))) == []


def test_a_repeating_event_in_a_window():
    event = Event("Stand-up", hours(6, 9, 10), Rule("daily"))
    window = Interval(at(7, 0), at(9, 0))
    assert list(event.occurrences(window)) == [hours(7, 9, 10), hours(8, 9, 10)]


def test_a_repeating_event_does_not_happen_before_its_first_time():
    event = Event("Stand-up", hours(6, 9, 10), Rule("weekly"))
    assert list(event.occurrences(Interval(at(1, 0), at(6, 0)))) == []


def test_a_night_reaches_into_the_next_day():
    event = Event("On call", Interval(at(6, 22), at(7, 6)), Rule("weekly"))
    assert list(event.occurrences(hours(14, 0, 8))) == [Interval(at(13, 22), at(14, 6))]


def test_a_fortnight_keeps_its_rhythm_months_later():
    event = Event("Planning", hours(6, 10, 11), Rule("weekly", every=2))
    days = [when.start.date() for when in event.occurrences(month(2024, 8))]
    assert days == [date(2024, 8, 12), date(2024, 8, 26)]


def test_a_series_that_has_ended_is_over_in_later_windows():
    event = Event("Course", hours(7, 10, 11), Rule("weekly", count=6))
    assert [when.start.date().day for when in event.occurrences(month(2024, 6))] == [4, 11]
    assert list(event.occurrences(month(2024, 9))) == []


def test_the_last_of_a_month_in_a_later_window():
    close = Event("Close of books", Interval(datetime(2024, 1, 31, 16), datetime(2024, 1, 31, 17)), Rule("monthly"))
    days = [when.start.date() for number in (3, 4, 7) for when in close.occurrences(month(2024, number))]
    assert days == [date(2024, 3, 31), date(2024, 4, 30), date(2024, 7, 31)]


def test_working_hours_are_clipped_to_the_window():
    week = WorkingHours.weekdays(time(9), time(17))
    assert week.between(Interval(at(6, 12), at(7, 10))) == IntervalSet([hours(6, 12, 17), hours(7, 9, 10)])
    assert not week.between(Interval(at(11, 0), at(13, 0)))


def test_busy_leaves_out_what_does_not_block(calendar):
    assert calendar.busy(hours(6, 10, 18)) == IntervalSet([hours(6, 10, 11)])


def test_busy_with_time_around(calendar):
    around = calendar.busy(hours(6, 9, 18), before=HOUR / 4, after=HOUR / 4)
    assert list(around) == [Interval(at(6, 9), at(6, 9, 30)), Interval(at(6, 9, 45), at(6, 11, 15))]


def test_time_around_an_event_before_the_window_reaches_in(calendar):
    assert calendar.busy(hours(6, 11, 13), after=HOUR / 2) == IntervalSet([Interval(at(6, 11), at(6, 11, 30))])


def test_time_around_an_event_after_the_window_reaches_in(calendar):
    window = Interval(at(6, 9, 30), at(6, 9, 50))
    assert calendar.busy(window, before=HOUR / 4) == IntervalSet([Interval(at(6, 9, 45), at(6, 9, 50))])


def test_busy_time_stays_inside_the_window(calendar):
    window = hours(6, 10, 11)
    assert calendar.busy(window, before=2 * HOUR, after=2 * HOUR) == IntervalSet([window])


def test_free(calendar):
    assert calendar.free(hours(6, 8, 12)) == IntervalSet([Interval(at(6, 9, 15), at(6, 10)), hours(6, 11, 12)])


def test_a_day_in_order(calendar):
    calendar.add(Event("Call", hours(6, 8, 9)))
    assert [event.title for _, event in calendar.on(date(2024, 5, 6))] == ["Call", "Stand-up", "Review", "Lunch"]
