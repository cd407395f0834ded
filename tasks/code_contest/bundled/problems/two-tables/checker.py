"""Right if the seating keeps all enemies apart; `impossible` only where the judges found none either."""

import sys
from pathlib import Path


def check(problem, output, answer):
    n, _, *rest = map(int, problem.split())
    words = output.split()
    if len(words) != 1:
        return "one word was expected"
    if words == ["impossible"] or answer.split() == ["impossible"]:
        return None if words == answer.split() else "impossible or not"
    seats = words[0]
    if len(seats) != n or set(seats) - {"A", "B"}:
        return "not n letters A and B"
    for a, b in zip(rest[::2], rest[1::2], strict=True):
        if seats[a - 1] == seats[b - 1]:
            return "enemies at one table"
    return None


problem, output, answer = (Path(path).read_text(errors="replace") for path in sys.argv[1:4])
fault = check(problem, output, answer)
print(fault or "ok", file=sys.stderr)
sys.exit(1 if fault else 0)
