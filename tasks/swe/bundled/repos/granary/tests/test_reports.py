import pytest
from granary.__main__ import main

ENTRIES = """\
2024-03-01 receive store
  TEA 1 box @ 12.00
  CAKE 5 each @ 3.00
2024-03-02 move store van
  TEA 6 each
2024-03-03 sell van S1
  TEA 4 each @ 2.50
2024-03-20 sell store S2
  CAKE 1 each @ 4.00
"""


@pytest.fixture
def show(head, tmp_path, capsys):
    def run(*arguments: str, text: str = head + ENTRIES, status: int = 0) -> list[str]:
        path = tmp_path / "stock.txt"
        path.write_text(text)
        assert main([arguments[0], str(path), *arguments[1:]]) == status
        said = capsys.readouterr()
        return (said.out or said.err).splitlines()

    return run


def test_stock(show):
    assert show("stock") == [
        "place  item  quantity  value",
        "store  CAKE    4 each  12.00",
        "store  TEA     6 each   6.00",
        "van    TEA     2 each   2.00",
        "total                  20.00",
    ]


def test_value(show):
    assert show("value") == [
        "item   name       quantity  value",
        "CAKE   Plum cake         4  12.00",
        "TEA    Green tea         8   8.00",
        "total                       20.00",
    ]


def test_margin(show):
    assert show("margin") == [
        "sale   day         income  cost  margin",
        "S1     2024-03-03   10.00  4.00    6.00",
        "S2     2024-03-20    4.00  3.00    1.00",
        "total               14.00  7.00    7.00",
    ]


def test_what_is_later_is_left_out(show):
    assert show("margin", "--on", "2024-03-03")[-1].split() == ["total", "10.00", "4.00", "6.00"]


def test_check(show):
    assert show("check") == ["the books are right"]


def test_check_of_a_lot_that_does_not_divide(show, head):
    text = head + "2024-03-01 receive store\n  TEA 1 box @ 10.00\n2024-03-02 sell store S1\n  TEA 5 each @ 2.00\n"
    assert show("check", text=text) == ["the books are right"]
    assert show("margin", text=text)[-1].split() == ["total", "10.00", "4.17", "5.83"]


def test_a_wrong_journal(show):
    assert show("stock", text="item X\n", status=2) == ["stock.txt: line 1: item CODE UNIT NAME"]
