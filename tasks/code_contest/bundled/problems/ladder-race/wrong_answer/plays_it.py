import random
import sys

n, _, *rest = map(int, sys.stdin.read().split())
ladders = dict(zip(rest[::2], rest[1::2], strict=True))
die, total, games = random.Random(1), 0, 200
for _ in range(games):
    field = 0
    while field < min(n, 300):
        moved = field + die.randint(1, 6)
        total += 1
        if moved <= n:
            field = ladders.get(moved, moved)
print(total / games)
