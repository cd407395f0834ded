import sys
from functools import cache

n, _, *rest = map(int, sys.stdin.read().split())
ladders = dict(zip(rest[::2], rest[1::2], strict=True))


@cache
def throws(field):
    if field == n:
        return 0.0
    faces = [ladders.get(field + face, field + face) for face in range(1, 7) if field + face <= n]
    return (6 + sum(map(throws, faces))) / len(faces)


print(throws(0))
