"""Reports as tables of text."""

from collections import defaultdict
from collections.abc import Sequence

from granary.ledger import Ledger
from granary.money import format_amount


def table(rows: Sequence[Sequence[str]], numbers: int) -> str:
    """Rows in columns; the last so many columns are numbers and stand to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        first = len(row) - numbers
        cells = [text.ljust(widths[n]) if n < first else text.rjust(widths[n]) for n, text in enumerate(row)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def stock_report(ledger: Ledger) -> str:
    """Place, item, quantity and value of all that is in stock."""
    rows = [("place", "item", "quantity", "value")]
    for (place, item), lots in sorted(ledger.stock.items()):
        if lots.quantity:
            unit = ledger.journal.items[item].unit
            rows.append((place, item, f"{lots.quantity} {unit}", format_amount(lots.cost)))
    rows.append(("total", "", "", format_amount(ledger.value)))
    return table(rows, 2)


def value_report(ledger: Ledger) -> str:
    """Value by item over all places."""
    sums: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for (_, item), lots in ledger.stock.items():
        quantity, cost = sums[item]
        sums[item] = quantity + lots.quantity, cost + lots.cost
    rows = [("item", "name", "quantity", "value")]
    for item, (quantity, cost) in sorted(sums.items()):
        rows.append((item, ledger.journal.items[item].name, str(quantity), format_amount(cost)))
    rows.append(("total", "", "", format_amount(ledger.value)))
    return table(rows, 2)


def margin_report(ledger: Ledger) -> str:
    """Income, cost and margin by sale."""
    rows = [("sale", "day", "income", "cost", "margin")]
    for number, sale in sorted(ledger.sales.items(), key=lambda pair: (pair[1].day, pair[0])):
        amounts = (sale.income, sale.cost, sale.income - sale.cost)
        rows.append((number, str(sale.day), *map(format_amount, amounts)))
    income, cost = sum(sale.income for sale in ledger.sales.values()), ledger.cost_of_sales
    rows.append(("total", "", *map(format_amount, (income, cost, income - cost))))
    return table(rows, 3)


def difference(ledger: Ledger) -> int:
    """Cents that were made or lost; always nothing in books that are right."""
    return ledger.received - ledger.value - ledger.cost_of_sales - sum(ledger.lost.values())
