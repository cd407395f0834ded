from dataclasses import dataclass

from amounts import format_amount, parse_amount


class LedgerError(ValueError):
    """A line of the cash book can't be read."""


@dataclass(frozen=True)
class Entry:
    date: str
    account: str
    amount: int


def parse(text):
    entries = []
    for line in text.splitlines():
        date, account, amount = line.split("|")
        entries.append(Entry(date, account, parse_amount(amount)))
    return entries


def balances(entries):
    sums = {}
    for entry in entries:
        sums[entry.account] = entry.amount
    return sums


def report(entries):
    return "\n".join(f"{account} {format_amount(cents)}" for account, cents in balances(entries).items())
