import sys

n, _, *rest = map(int, sys.stdin.read().split())
lands = list(range(n + 1))
for foot, top in zip(rest[::2], rest[1::2], strict=True):
    lands[foot] = top
throws = [0.0] * (n + 1)
for field in range(n - 1, -1, -1):
    faces = range(field + 1, min(field + 6, n) + 1)
    # t = 1 + sum(t of where it lands) / 6 + (6 - moves) / 6 * t
    throws[field] = (6 + sum(throws[lands[other]] for other in faces)) / len(faces)
print(throws[0])
