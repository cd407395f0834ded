from datetime import datetime, timedelta

import pytest
from rota.calendars import Calendar, Event
from rota.finder import Request, common_free, find_slots, first_slot
from rota.interval import Interval, IntervalSet


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2024, 5, 6, hour, minute)


def calendar(owner: str, *busy: tuple[int, int]) -> Calendar:
    return Calendar(owner, events=[Event("Meeting", Interval(at(a), at(b))) for a, b in busy])


def minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


def starts(calendars: list[Calendar], request: Request) -> list[str]:
    return [f"{slot.when.start:%H:%M}" for slot in find_slots(calendars, request)]


def test_slots_between_meetings():
    request = Request(Interval(at(9), at(13)), minutes(60), step=minutes(30))
    assert starts([calendar("Ada", (10, 11))], request) == ["09:00", "11:00", "11:30", "12:00"]


def test_all_have_to_be_free():
    request = Request(Interval(at(9), at(13)), minutes(60), step=minutes(60))
    assert starts([calendar("Ada", (9, 10)), calendar("Ben", (11, 12))], request) == ["10:00", "12:00"]


def test_starts_are_multiples_of_the_step():
    request = Request(Interval(at(9, 5), at(10)), minutes(15), step=minutes(20))
    assert starts([calendar("Ada")], request) == ["09:20", "09:40"]


def test_some_may_be_missing():
    request = Request(Interval(at(9), at(11)), minutes(60), step=minutes(60), optional=1)
    found = list(find_slots([calendar("Ada", (9, 10)), calendar("Ben")], request))
    assert [slot.missing for slot in found] == [("Ada",), ()]


def test_the_first_slot_has_the_fewest_missing():
    request = Request(Interval(at(9), at(11)), minutes(60), step=minutes(60), optional=1)
    slot = first_slot([calendar("Ada", (9, 10)), calendar("Ben")], request)
    assert slot is not None and slot.when.start == at(10)


def test_no_slot():
    assert first_slot([calendar("Ada", (9, 17))], Request(Interval(at(9), at(17)), minutes(15))) is None


def test_travel_keeps_time_on_both_sides_of_a_meeting():
    request = Request(Interval(at(9), at(14)), minutes(60), step=minutes(30), travel=minutes(30))
    assert starts([calendar("Ada", (11, 12))], request) == ["09:00", "09:30", "12:30", "13:00"]


def test_travel_from_a_meeting_that_ends_before_the_window():
    request = Request(Interval(at(12), at(14)), minutes(60), step=minutes(30), travel=minutes(30))
    assert starts([calendar("Ada", (11, 12))], request) == ["12:30", "13:00"]


def test_travel_to_a_meeting_that_starts_after_the_window():
    request = Request(Interval(at(12), at(14)), minutes(60), step=minutes(30), travel=minutes(30))
    assert starts([calendar("Ada", (14, 15))], request) == ["12:00", "12:30"]


def test_travel_is_not_needed_at_the_ends_of_a_working_day():
    request = Request(Interval(at(0), at(23)), minutes(60), step=minutes(60), travel=minutes(45))
    assert starts([calendar("Ada", (11, 15))], request) == ["09:00", "16:00"]


def test_common_free_time():
    both = [calendar("Ada", (9, 10), (12, 13)), calendar("Ben", (12, 14))]
    window = Interval(at(8), at(15))
    assert common_free(both, window) == IntervalSet([Interval(at(10), at(12)), Interval(at(14), at(15))])


@pytest.mark.parametrize(
    "wrong", [{"length": minutes(0)}, {"step": minutes(0)}, {"travel": minutes(-5)}], ids=["length", "step", "travel"]
)
def test_a_request_is_checked(wrong):
    with pytest.raises(ValueError):
        Request(**{"window": Interval(at(9), at(10)), "length": minutes(30), **wrong})
