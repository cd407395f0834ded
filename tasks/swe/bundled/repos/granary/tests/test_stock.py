import pytest
from granary import StockError
from granary.reports import difference

TWO_LOTS = """\
2024-03-01 receive store
  TEA 10 each @ 1.00
2024-03-02 receive store
  TEA 10 each @ 2.00
"""


def test_a_receipt(books):
    ledger = books(TWO_LOTS)
    assert ledger.quantity("store", "TEA") == 20
    assert ledger.value == ledger.received == 3000
    assert ledger.quantity("van", "TEA") == 0


def test_the_oldest_goes_first(books):
    ledger = books(TWO_LOTS + "2024-03-03 sell store S1\n  TEA 15 each @ 3.00\n")
    assert ledger.cost_of_sales == 1000 + 5 * 200
    assert ledger.value == 5 * 200


def test_a_backdated_receipt_goes_first(books):
    ledger = books(
        "2024-03-02 receive store\n  TEA 10 each @ 2.00\n"
        "2024-03-03 sell store S1\n  TEA 5 each @ 3.00\n"
        "2024-03-01 receive store\n  TEA 10 each @ 1.00\n"
    )
    assert ledger.cost_of_sales == 5 * 100


def test_a_move_takes_lots_along(books):
    ledger = books(
        TWO_LOTS + "2024-03-03 move store van\n  TEA 12 each\n2024-03-04 sell van S1\n  TEA 11 each @ 3.00\n"
    )
    assert (ledger.quantity("store", "TEA"), ledger.quantity("van", "TEA")) == (8, 1)
    assert ledger.cost_of_sales == 1000 + 200


def test_moved_there_and_back_the_order_is_the_same(books):
    ledger = books(
        TWO_LOTS
        + "2024-03-03 move store van\n  TEA 10 each\n"
        + "2024-03-04 move van store\n  TEA 10 each\n"
        + "2024-03-05 sell store S1\n  TEA 10 each @ 3.00\n"
    )
    assert ledger.cost_of_sales == 1000


def test_freight_is_part_of_the_cost(books):
    ledger = books("2024-03-01 receive store\n  TEA 10 each @ 1.00\n  CAKE 10 each @ 3.00\n  freight 8.00\n")
    assert ledger.stock["store", "TEA"].cost == 1200
    assert ledger.stock["store", "CAKE"].cost == 3600


def test_freight_of_gifts_goes_by_number(books):
    ledger = books("2024-03-01 receive store\n  TEA 10 each @ 0\n  CAKE 30 each @ 0\n  freight 8.00\n")
    assert ledger.stock["store", "TEA"].cost == 200


def test_a_count_finds_a_loss(books):
    ledger = books(TWO_LOTS + "2024-03-03 count store\n  TEA 8 each\n")
    assert ledger.lost["TEA"] == 1000 + 2 * 200
    assert ledger.quantity("store", "TEA") == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2024-03-03 sell store S1\n  TEA 21 each @ 1.00\n", "TEA in store: 21 are wanted, 20 are there"),
        ("2024-03-03 sell van S1\n  TEA 1 each @ 1.00\n", "0 are there"),
        ("2024-03-03 move store store\n  TEA 1 each\n", "to itself"),
        ("2024-03-03 count store\n  TEA 21 each\n", "21 TEA counted, 20 known"),
        ("2024-02-28 sell store S1\n  TEA 1 each @ 1.00\n", "0 are there"),
    ],
    ids=["too-many", "elsewhere", "itself", "surplus", "too-early"],
)
def test_what_the_stock_does_not_allow(books, text, message):
    with pytest.raises(StockError, match=message):
        books(TWO_LOTS + text)


def test_the_cost_of_a_lot_that_does_not_divide(books):
    ledger = books("2024-03-01 receive store\n  TEA 3 each @ 1.00\n  freight 0.50\n")
    assert ledger.value == ledger.received == 350


def test_freight_that_does_not_divide_is_shared_to_the_cent(books):
    ledger = books(
        "2024-03-01 receive store\n  TEA 1 each @ 1.00\n  CAKE 1 each @ 1.00\n  TEA 1 each @ 1.00\n  freight 1.00\n"
    )
    assert ledger.received == ledger.value == 400
    assert sorted(lot.cost for lots in ledger.stock.values() for lot in lots) == [133, 133, 134]


def test_a_box_is_sold_piece_by_piece(books):
    sales = "".join(f"2024-03-{day:02} sell store S{day}\n  TEA 1 each @ 2.00\n" for day in range(2, 14))
    ledger = books("2024-03-01 receive store\n  TEA 1 box @ 14.50\n" + sales)
    assert ledger.quantity("store", "TEA") == 0
    assert (ledger.value, ledger.cost_of_sales) == (0, 1450)


def test_no_cent_is_lost_on_the_way(books):
    ledger = books(
        "2024-03-01 receive store\n  TEA 7 each @ 1.33\n  CAKE 9 each @ 2.17\n  freight 5.00\n"
        "2024-03-02 move store van\n  TEA 5 each\n  CAKE 4 each\n"
        "2024-03-03 sell van S1\n  TEA 2 each @ 3.00\n  CAKE 3 each @ 4.00\n"
        "2024-03-04 count van\n  TEA 2 each\n"
    )
    assert difference(ledger) == 0
    assert ledger.received == 7 * 133 + 9 * 217 + 500
