import sys
from itertools import product

n, _, *rest = map(int, sys.stdin.read().split())
pairs = list(zip(rest[::2], rest[1::2], strict=True))
for seats in product("AB", repeat=n):
    if all(seats[a - 1] != seats[b - 1] for a, b in pairs):
        print("".join(seats))
        break
else:
    print("impossible")
