import pytest
from granary import StockError
from granary.reports import difference

SOLD = """\
2024-03-01 receive store
  TEA 10 each @ 1.00
2024-03-02 receive store
  TEA 10 each @ 2.00
2024-03-03 sell store S1
  TEA 15 each @ 3.00
"""


def test_a_return_of_all_undoes_the_sale(books):
    ledger = books(SOLD + "2024-03-04 return store S1\n  TEA 15 each\n")
    assert ledger.quantity("store", "TEA") == 20
    assert (ledger.value, ledger.cost_of_sales, ledger.sales["S1"].income) == (3000, 0, 0)


def test_a_return_pays_back(books):
    ledger = books(SOLD + "2024-03-04 return store S1\n  TEA 5 each\n")
    assert ledger.sales["S1"].income == 10 * 300


def test_a_return_of_one_lot_brings_back_its_cost(books):
    ledger = books(
        "2024-03-01 receive store\n  TEA 10 each @ 1.00\n"
        "2024-03-02 sell store S1\n  TEA 4 each @ 3.00\n"
        "2024-03-03 return store S1\n  TEA 2 each\n"
    )
    assert (ledger.value, ledger.cost_of_sales) == (800, 200)


def test_what_left_last_comes_back_first(books):
    ledger = books(SOLD + "2024-03-04 return store S1\n  TEA 5 each\n")
    assert (ledger.value, ledger.cost_of_sales) == (5 * 200 + 5 * 200, 1000)


def test_a_return_over_two_lots(books):
    ledger = books(SOLD + "2024-03-04 return store S1\n  TEA 8 each\n")
    assert (ledger.value, ledger.cost_of_sales) == (10 * 200 + 3 * 100, 7 * 100)


def test_returned_goods_keep_their_age(books):
    ledger = books(SOLD + "2024-03-04 return store S1\n  TEA 15 each\n2024-03-05 sell store S2\n  TEA 10 each @ 3.00\n")
    assert ledger.sales["S2"].cost == 1000


def test_returned_goods_go_before_later_receipts(books):
    ledger = books(
        "2024-03-01 receive store\n  TEA 4 each @ 1.00\n"
        "2024-03-02 sell store S1\n  TEA 4 each @ 3.00\n"
        "2024-03-03 receive store\n  TEA 4 each @ 2.00\n"
        "2024-03-04 return store S1\n  TEA 2 each\n"
        "2024-03-05 sell store S2\n  TEA 3 each @ 3.00\n"
    )
    assert ledger.sales["S2"].cost == 2 * 100 + 200


def test_goods_come_back_to_another_place(books):
    ledger = books(SOLD + "2024-03-04 return van S1\n  TEA 3 each\n")
    assert ledger.quantity("van", "TEA") == 3


def test_returns_in_parts(books):
    ledger = books(SOLD + "2024-03-04 return store S1\n  TEA 9 each\n2024-03-05 return store S1\n  TEA 6 each\n")
    assert (ledger.value, ledger.cost_of_sales) == (3000, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2024-03-04 return store S2\n  TEA 1 each\n", "no sale S2"),
        ("2024-03-04 return store S1\n  TEA 16 each\n", "16 TEA come back"),
        ("2024-03-04 return store S1\n  CAKE 1 each\n", "1 CAKE come back"),
    ],
    ids=["unknown", "too-many", "not-sold"],
)
def test_wrong_returns(books, text, message):
    with pytest.raises(StockError, match=message):
        books(SOLD + text)


def test_no_more_comes_back_in_parts_than_was_sold(books):
    with pytest.raises(StockError, match="10 TEA come back") as caught:
        books(SOLD + "2024-03-04 return store S1\n  TEA 8 each\n2024-03-05 return store S1\n  TEA 10 each\n")
    assert caught.value.number == 13


def test_the_books_are_right_after_returns(books):
    ledger = books(SOLD + "2024-03-04 return van S1\n  TEA 7 each\n2024-03-05 count van\n  TEA 1 each\n")
    assert difference(ledger) == 0
