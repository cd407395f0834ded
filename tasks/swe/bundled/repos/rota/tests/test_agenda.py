from datetime import date, datetime, timedelta

import pytest
from rota.__main__ import main
from rota.agenda import day_agenda, format_length, hours_by_title, load
from rota.interval import Interval
from rota.parsing import parse_calendar

ADA = """\
owner: Ada
2024-05-06 09:00 +30m Stand-up @ Room 2 | daily
2024-05-06 22:00 +8h On call
2024-05-06 13:00 +2h Review
"""


@pytest.fixture
def ada():
    return parse_calendar(ADA)


@pytest.mark.parametrize(("minutes", "text"), [(45, "45m"), (60, "1h"), (90, "1h30m")], ids=["minutes", "hour", "both"])
def test_lengths_as_text(minutes, text):
    assert format_length(timedelta(minutes=minutes)) == text


def test_an_agenda(ada):
    assert day_agenda(ada, date(2024, 5, 6)).splitlines() == [
        "Ada, Monday 2024-05-06",
        "  09:00-09:30 Stand-up (Room 2)",
        "  13:00-15:00 Review",
        "  22:00-... On call",
    ]


def test_the_end_of_a_night(ada):
    assert "    ...-06:00 On call" in day_agenda(ada, date(2024, 5, 7))


def test_an_empty_day(ada):
    assert day_agenda(ada, date(2024, 5, 1)).endswith("nothing")


def test_hours_by_title(ada):
    window = Interval(datetime(2024, 5, 6), datetime(2024, 5, 8))
    found = hours_by_title(ada, window)
    assert list(found) == ["On call", "Review", "Stand-up"]
    assert found["Stand-up"] == timedelta(hours=1)


def test_load(ada):
    day = Interval(datetime(2024, 5, 6), datetime(2024, 5, 7))
    assert load([ada], day) == {"Ada": 2.5 / 8}


def test_the_command_prints_slots(tmp_path, capsys):
    path = tmp_path / "ada.cal"
    path.write_text(ADA)
    assert main([str(path), "--day", "2024-05-06", "--length", "210"]) == 0
    assert capsys.readouterr().out.split() == ["09:30-13:00"]


def test_the_command_keeps_time_for_travel(tmp_path, capsys):
    path = tmp_path / "ada.cal"
    path.write_text(ADA)
    assert main([str(path), "--day", "2024-05-06", "--length", "165", "--travel", "15"]) == 0
    assert capsys.readouterr().out.split() == ["09:45-12:30", "10:00-12:45"]


def test_the_command_without_a_slot(tmp_path, capsys):
    path = tmp_path / "ada.cal"
    path.write_text(ADA)
    assert main([str(path), "--day", "2024-05-05"]) == 1
    assert "no slot of 30m" in capsys.readouterr().out


def test_the_command_prints_agendas(tmp_path, capsys):
    path = tmp_path / "ada.cal"
    path.write_text(ADA)
    assert main([str(path), "--day", "2024-05-06", "--agenda"]) == 0
    assert "Review" in capsys.readouterr().out


def test_the_command_names_a_wrong_file(tmp_path, capsys):
    path = tmp_path / "ada.cal"
    path.write_text("owner: Ada\nnonsense\n")
    assert main([str(path), "--day", "2024-05-06"]) == 2
    assert "ada.cal: line 2" in capsys.readouterr().err
