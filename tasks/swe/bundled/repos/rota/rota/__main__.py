"""Slots in which the owners of some calendars can meet on a day."""

import argparse
import sys
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path

from rota.agenda import day_agenda, format_length
from rota.calendars import ONE_DAY
from rota.finder import Request, find_slots
from rota.interval import Interval
from rota.parsing import FormatError, parse_calendar


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="rota", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--day", type=date.fromisoformat, required=True)
    parser.add_argument("--length", type=int, default=30, metavar="MINUTES")
    parser.add_argument("--travel", type=int, default=0, metavar="MINUTES")
    parser.add_argument("--agenda", action="store_true", help="print the agendas instead")
    args = parser.parse_args(argv)
    calendars = []
    for path in args.files:
        try:
            calendars.append(parse_calendar(path.read_text(encoding="utf-8")))
        except (OSError, FormatError) as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            return 2
    if args.agenda:
        print("\n".join(day_agenda(one, args.day) for one in calendars))
        return 0
    start = datetime.combine(args.day, time())
    length = timedelta(minutes=args.length)
    request = Request(Interval(start, start + ONE_DAY), length, travel=timedelta(minutes=args.travel))
    slots = list(find_slots(calendars, request))
    if not slots:
        print(f"no slot of {format_length(length)} on {args.day}")
        return 1
    for slot in slots:
        print(f"{slot.when.start:%H:%M}-{slot.when.end:%H:%M}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
