import sys

n, _, *rest = map(int, sys.stdin.read().split())
lands = list(range(n + 7))
for foot, top in zip(rest[::2], rest[1::2], strict=True):
    lands[foot] = top
throws = [0.0] * (n + 7)
for field in range(n - 1, -1, -1):
    throws[field] = 1 + sum(throws[lands[field + face]] for face in range(1, 7)) / 6
print(throws[0])
