import sys
from bisect import bisect_left

n, _ = map(int, sys.stdin.readline().split())
log = [line.split() for line in sys.stdin.read().splitlines()]
ends = sorted({p for act, *rest in log if act == "change" for p in (int(rest[0]), int(rest[1]) + 1)})
# Prices change at `ends` only: sum(1..x) = (x + 1) * (steps up to x) - sum of (position * step).
steps, placed = [0] * (len(ends) + 1), [0] * (len(ends) + 1)


def add(position, step):
    k = bisect_left(ends, position) + 1
    while k < len(steps):
        steps[k] += step
        placed[k] += step * position
        k += k & -k


def total(x):
    k, all_steps, all_placed = bisect_left(ends, x + 1), 0, 0
    while k:
        all_steps += steps[k]
        all_placed += placed[k]
        k -= k & -k
    return (x + 1) * all_steps - all_placed


answers = []
for act, left, right, *change in log:
    if act == "sum":
        answers.append(total(int(right)) - total(int(left) - 1))
    else:
        add(int(left), int(change[0]))
        add(int(right) + 1, -int(change[0]))
print("\n".join(map(str, answers)))
