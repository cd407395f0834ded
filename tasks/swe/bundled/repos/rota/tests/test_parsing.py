from datetime import date, datetime, time, timedelta

import pytest
from rota.parsing import FormatError, parse_calendar, parse_event, parse_hours, parse_length, parse_rule, parse_weekdays

TEXT = """\
# team calendar
owner: Ada
hours: mon-thu 09:00-12:00 13:00-17:00
hours: fri 09:00-13:00

2024-05-06 10:00 +45m Stand-up @ Room 2 | daily until 2024-05-31 skip 2024-05-09
2024-05-07 15:00 +2h ~ Gym
"""


def test_a_calendar():
    calendar = parse_calendar(TEXT)
    assert calendar.owner == "Ada"
    assert [event.title for event in calendar.events] == ["Stand-up", "Gym"]
    assert calendar.hours.hours[0] == ((time(9), time(12)), (time(13), time(17)))
    assert calendar.hours.hours[4] == ((time(9), time(13)),)


def test_an_event():
    event = parse_calendar(TEXT).events[0]
    assert event.when.start == datetime(2024, 5, 6, 10)
    assert event.when.length == timedelta(minutes=45)
    assert (event.place, event.busy) == ("Room 2", True)
    assert event.rule is not None and event.rule.skipped == {date(2024, 5, 9)}


def test_an_event_that_does_not_block():
    assert not parse_event("2024-05-07 15:00 +2h ~ Gym").busy


@pytest.mark.parametrize(
    ("text", "minutes"), [("45m", 45), ("2h", 120), ("1d2h30m", 1590)], ids=["minutes", "hours", "all"]
)
def test_lengths(text, minutes):
    assert parse_length(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "45", "m45", "1h half"], ids=range(4))
def test_wrong_lengths(text):
    with pytest.raises(ValueError, match="unknown length"):
        parse_length(text)


@pytest.mark.parametrize(
    ("text", "days"), [("mon", [0]), ("mon-fri", [0, 1, 2, 3, 4]), ("sat-mon", [0, 5, 6]), ("tue,thu", [1, 3])]
)
def test_weekdays(text, days):
    assert parse_weekdays(text) == days


@pytest.mark.parametrize("text", ["monday", "mon-", "-fri", "mon,"])
def test_wrong_weekdays(text):
    with pytest.raises(ValueError, match="unknown weekday"):
        parse_weekdays(text)


def test_working_hours_need_times():
    with pytest.raises(ValueError, match="at least one"):
        parse_hours("mon-fri")


def test_rules():
    rule = parse_rule("weekly every 2 on mon,wed count 8")
    assert (rule.frequency, rule.every, rule.weekdays, rule.count) == ("weekly", 2, {0, 2}, 8)


@pytest.mark.parametrize("text", ["weekly on", "daily often 3", "hourly"], ids=["odd", "unknown", "frequency"])
def test_wrong_rules(text):
    with pytest.raises(ValueError):
        parse_rule(text)


def test_a_wrong_line_is_named():
    with pytest.raises(FormatError, match="line 3: not an event") as caught:
        parse_calendar("owner: Ada\n\nsome day\n")
    assert caught.value.number == 3


def test_a_calendar_has_an_owner():
    with pytest.raises(FormatError, match="owner"):
        parse_calendar("hours: mon 09:00-10:00\n")
