from datetime import datetime, timedelta

import pytest
from rota.interval import Interval, IntervalSet


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2024, 5, 6, hour, minute)


def span(start: int, end: int) -> Interval:
    return Interval(at(start), at(end))


def test_an_interval_holds_its_start_and_not_its_end():
    assert at(9) in span(9, 10)
    assert at(10) not in span(9, 10)


def test_an_empty_interval_is_refused():
    with pytest.raises(ValueError, match="ends after"):
        span(9, 9)


def test_touching_intervals_do_not_overlap():
    assert not span(9, 10).overlaps(span(10, 11))
    assert span(9, 11).overlaps(span(10, 12))


def test_clip():
    assert span(9, 12).clip(span(10, 11)) == span(10, 11)
    assert span(9, 10).clip(span(10, 11)) is None


def test_widen_and_shift():
    quarter = timedelta(minutes=15)
    assert span(9, 10).widen(quarter, 2 * quarter) == Interval(at(8, 45), at(10, 30))
    assert span(9, 10).shift(timedelta(hours=1)) == span(10, 11)


def test_a_set_merges_what_overlaps_or_touches():
    assert list(IntervalSet([span(12, 13), span(9, 10), span(10, 11)])) == [span(9, 11), span(12, 13)]


def test_a_short_interval_inside_a_long_one_does_not_cut_it():
    assert list(IntervalSet([span(9, 17), span(10, 11)])) == [span(9, 17)]


def test_union():
    assert IntervalSet([span(9, 10)]) | IntervalSet([span(10, 12)]) == IntervalSet([span(9, 12)])


@pytest.mark.parametrize(
    ("left", "right", "common"),
    [
        ([(9, 12)], [(11, 13)], [(11, 12)]),
        ([(9, 12)], [(12, 13)], []),
        ([(9, 10), (11, 15)], [(9, 12), (14, 16)], [(9, 10), (11, 12), (14, 15)]),
        ([], [(9, 12)], []),
    ],
)
def test_intersection(left, right, common):
    sets = [IntervalSet(span(*pair) for pair in pairs) for pairs in (left, right, common)]
    assert sets[0] & sets[1] == sets[2]
    assert sets[1] & sets[0] == sets[2]


@pytest.mark.parametrize(
    ("left", "right", "rest"),
    [
        ([(9, 17)], [(12, 13)], [(9, 12), (13, 17)]),
        ([(9, 17)], [(8, 10), (16, 18)], [(10, 16)]),
        ([(9, 17)], [(9, 17)], []),
        ([(9, 10), (11, 12)], [], [(9, 10), (11, 12)]),
    ],
)
def test_difference(left, right, rest):
    sets = [IntervalSet(span(*pair) for pair in pairs) for pairs in (left, right, rest)]
    assert sets[0] - sets[1] == sets[2]


def test_total_and_membership():
    both = IntervalSet([span(9, 10), span(12, 15)])
    assert both.total == timedelta(hours=4)
    assert at(12) in both and at(11) not in both
