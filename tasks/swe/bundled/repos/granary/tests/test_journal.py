from datetime import date

import pytest
from granary import JournalError, parse_journal


def test_items_and_units(head):
    items = parse_journal(head).items
    assert items["TEA"].name == "Green tea"
    assert items["TEA"].in_base(2, "box") == 24
    with pytest.raises(ValueError, match="no unit 'box'"):
        items["CAKE"].in_base(1, "box")


def test_a_receipt(head):
    journal = parse_journal(
        head + "2024-03-01 receive store\n  TEA 2 box @ 14.40\n  CAKE 5 each @ 3.00\n  freight 7.00\n"
    )
    (entry,) = journal.entries
    assert (entry.day, entry.kind, entry.place, entry.freight) == (date(2024, 3, 1), "receive", "store", 700)
    assert [(line.item, line.quantity, line.price) for line in entry.lines] == [("TEA", 24, 2880), ("CAKE", 5, 1500)]


def test_comments_and_empty_lines(head):
    journal = parse_journal(head + "# nothing\n\n2024-03-01 count store\n  # none of it\n  TEA 0 each\n")
    assert len(journal.entries) == 1


def test_entries_count_in_order_of_date(head):
    later, earlier = "2024-03-05 count a\n  TEA 0 each\n", "2024-03-01 count b\n  TEA 0 each\n"
    journal = parse_journal(head + later + earlier + later.replace(" a", " c"))
    assert [entry.place for entry in journal.entries] == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2024-03-01 receive store\n  TEA 2 box", "@ PRICE"),
        ("2024-03-01 receive store\n  COFFEE 2 each @ 1.00", "unknown item"),
        ("2024-03-01 receive store\n  TEA 0 each @ 1.00", "not a number"),
        ("2024-03-01 receive store\n  TEA 1 crate @ 1.00", "no unit"),
        ("2024-03-01 receive store\n  TEA 1 each @ -1.00", "not negative"),
        ("2024-03-01 move store", "takes 2 words"),
        ("2024-03-01 burn store", "one of"),
        ("2024-02-30 count store\n  TEA 1 each", "day"),
        ("2024-03-01 count store", "count of nothing"),
        ("2024-03-01 count store\n  freight 1.00", "in a receipt"),
        ("  TEA 1 each", "belongs to an entry"),
        ("item TEA each Tea", "a second item"),
        ("item X", "item CODE"),
        ("unit box TEA", "unit NAME"),
    ],
    ids=range(14),
)
def test_wrong_lines(head, text, message):
    with pytest.raises(JournalError, match=message) as caught:
        parse_journal(head + text + "\n")
    assert caught.value.number in (4, 5)
