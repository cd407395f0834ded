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
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.strip().startswith("#"):
            continue
        parts = line.split("|")
        try:
            date, account = parts[0].strip(), parts[1].strip()
            amount, _, _ = "|".join(parts[2:]).partition(" # ")
            if "|" in amount:
                raise ValueError("more than three parts")
            entries.append(Entry(date, account, parse_amount(amount.strip())))
        except (ValueError, IndexError) as error:
            raise LedgerError(f"line {number}: {error}") from error
    return entries


def balances(entries):
    sums = {}
    for entry in entries:
        sums[entry.account] = sums.get(entry.account, 0) + entry.amount
    return {account: sums[account] for account in sorted(sums) if sums[account]}


def report(entries):
    rows = list(balances(entries).items())
    rows.append(("total", sum(cents for _, cents in rows)))
    shown = [(name, format_amount(cents)) for name, cents in rows]
    names, amounts = (max(map(len, column)) for column in zip(*shown, strict=True))
    return "\n".join(f"{name:<{names}} {amount:>{amounts}}" for name, amount in shown)
