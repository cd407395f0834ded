import sys

n, _, *rest = map(int, sys.stdin.read().split())
enemies = [[] for _ in range(n + 1)]
for a, b in zip(rest[::2], rest[1::2], strict=True):
    enemies[a].append(b)
    enemies[b].append(a)
seats = [""] * (n + 1)
possible = True
for first in range(1, n + 1):
    if seats[first]:
        continue
    seats[first], stack = "A", [first]
    while stack:
        guest = stack.pop()
        other = "B" if seats[guest] == "A" else "A"
        for enemy in enemies[guest]:
            if not seats[enemy]:
                seats[enemy] = other
                stack.append(enemy)
            elif seats[enemy] != other:
                possible = False
print("".join(seats) if possible else "impossible")
