"""Reports on a stock journal."""

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from granary.journal import JournalError, parse_journal
from granary.ledger import StockError, run_journal
from granary.money import format_amount
from granary.reports import difference, margin_report, stock_report, value_report

REPORTS = {"stock": stock_report, "value": value_report, "margin": margin_report}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="granary", description=__doc__)
    parser.add_argument("report", choices=[*REPORTS, "check"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--on", type=date.fromisoformat, metavar="DAY", help="leave out what is later")
    args = parser.parse_args(argv)
    try:
        ledger = run_journal(parse_journal(args.file.read_text(encoding="utf-8")), args.on)
    except (OSError, JournalError, StockError) as error:
        print(f"{args.file.name}: {error}", file=sys.stderr)
        return 2
    if args.report != "check":
        print(REPORTS[args.report](ledger))
        return 0
    cents = difference(ledger)
    print("the books are right" if not cents else f"the books are off by {format_amount(cents)}")
    return 1 if cents else 0


if __name__ == "__main__":
    sys.exit(main())
