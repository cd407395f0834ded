from datetime import date
from itertools import islice

import pytest
from rota.recurrence import Rule, add_months


def take(number: int, rule: Rule, first: date) -> list[date]:
    return list(islice(rule.days(first), number))


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2024, 1, 15), 1, date(2024, 2, 15)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2024, 11, 30), 3, date(2025, 2, 28)),
        (date(2024, 1, 31), -1, date(2023, 12, 31)),
    ],
)
def test_add_months(day, months, expected):
    assert add_months(day, months) == expected


def test_daily():
    assert take(3, Rule("daily", every=2), date(2024, 2, 27)) == [
        date(2024, 2, 27),
        date(2024, 2, 29),
        date(2024, 3, 2),
    ]


def test_weekly_without_weekdays_keeps_the_first_one():
    assert take(2, Rule("weekly"), date(2024, 5, 8)) == [date(2024, 5, 8), date(2024, 5, 15)]


def test_weekly_on_weekdays_starts_in_the_middle_of_a_week():
    rule = Rule("weekly", every=2, weekdays=frozenset({0, 3}))
    assert take(3, rule, date(2024, 5, 8)) == [date(2024, 5, 9), date(2024, 5, 20), date(2024, 5, 23)]


def test_monthly():
    assert take(3, Rule("monthly"), date(2024, 11, 5)) == [date(2024, 11, 5), date(2024, 12, 5), date(2025, 1, 5)]


def test_monthly_on_the_last_days_returns_to_them():
    days = take(5, Rule("monthly"), date(2024, 1, 31))
    assert days == [date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 30), date(2024, 5, 31)]


def test_yearly_on_a_leap_day_returns_to_it():
    days = take(5, Rule("yearly"), date(2024, 2, 29))
    assert days[1:] == [date(2025, 2, 28), date(2026, 2, 28), date(2027, 2, 28), date(2028, 2, 29)]


def test_count_ends_a_rule():
    assert len(list(Rule("daily", count=4).days(date(2024, 5, 6)))) == 4


def test_until_is_the_last_day():
    assert list(Rule("daily", until=date(2024, 5, 7)).days(date(2024, 5, 6))) == [date(2024, 5, 6), date(2024, 5, 7)]


def test_a_skipped_day_counts():
    rule = Rule("daily", count=3, skipped=frozenset({date(2024, 5, 7)}))
    assert list(rule.days(date(2024, 5, 6))) == [date(2024, 5, 6), date(2024, 5, 8)]


@pytest.mark.parametrize("every", [0, -1])
def test_a_rule_goes_forward(every):
    with pytest.raises(ValueError, match="at least 1"):
        Rule("daily", every=every)


def test_weekdays_belong_to_weekly_rules():
    with pytest.raises(ValueError, match="weekly"):
        Rule("monthly", weekdays=frozenset({1}))


def test_an_unknown_frequency_is_refused():
    with pytest.raises(ValueError, match="hourly"):
        Rule("hourly")
