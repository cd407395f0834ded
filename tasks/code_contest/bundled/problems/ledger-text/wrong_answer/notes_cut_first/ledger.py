from dataclasses import dataclass

from amounts import format_amount, parse_amount


class LedgerError(ValueError):
    pass


@dataclass(frozen=True)
class Entry:
    date: str
    account: str
    amount: int


def parse(text):
    entries = []
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.partition("#")[0]
        if line.strip():
            try:
                date, account, amount = (part.strip() for part in line.split("|"))
                entries.append(Entry(date, account, parse_amount(amount)))
            except ValueError as error:
                raise LedgerError(f"line {number}: {error}") from error
    return entries


def balances(entries):
    sums = {}
    for entry in entries:
        sums[entry.account] = sums.get(entry.account, 0) + entry.amount
    return {account: cents for account, cents in sorted(sums.items()) if cents}


def report(entries):
    rows = [*balances(entries).items()]
    rows.append(("total", sum(cents for _, cents in rows)))
    names = max(len(name) for name, _ in rows)
    amounts = max(len(format_amount(cents)) for _, cents in rows)
    return "\n".join(f"{name:<{names}} {format_amount(cents):>{amounts}}" for name, cents in rows)
