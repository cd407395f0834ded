import pytest
from granary.money import allocate, format_amount, parse_amount


@pytest.mark.parametrize(("text", "cents"), [("12", 1200), ("12.50", 1250), ("-3.05", -305), ("0.00", 0)])
def test_amounts(text, cents):
    assert parse_amount(text) == cents


@pytest.mark.parametrize("text", ["", "1.5", "1,000", "--1", "1.234"])
def test_wrong_amounts(text):
    with pytest.raises(ValueError, match="not an amount"):
        parse_amount(text)


@pytest.mark.parametrize(("cents", "text"), [(0, "0.00"), (123450, "1,234.50"), (-7, "-0.07"), (-123456, "-1,234.56")])
def test_amounts_as_text(cents, text):
    assert format_amount(cents) == text


@pytest.mark.parametrize(
    ("total", "weights", "shares"),
    [
        (100, [1, 1], [50, 50]),
        (100, [1, 1, 1], [34, 33, 33]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (10, [0, 5], [0, 10]),
        (5, [1, 2, 3, 4], [1, 1, 1, 2]),
        (0, [1, 2], [0, 0]),
    ],
    ids=["halves", "thirds", "negative", "nothing", "uneven", "zero"],
)
def test_allocate(total, weights, shares):
    assert allocate(total, weights) == shares
    assert sum(shares) == total


@pytest.mark.parametrize("weights", [[0, 0], [2, -1]], ids=["nothing", "negative"])
def test_wrong_weights(weights):
    with pytest.raises(ValueError, match="weights"):
        allocate(10, weights)
