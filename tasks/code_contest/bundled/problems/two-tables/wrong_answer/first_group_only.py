import sys

n, _, *rest = map(int, sys.stdin.read().split())
enemies = [[] for _ in range(n + 1)]
for a, b in zip(rest[::2], rest[1::2], strict=True):
    enemies[a].append(b)
    enemies[b].append(a)
seats = ["A"] * (n + 1)
seen, stack = {1}, [1]
while stack:
    guest = stack.pop()
    for enemy in enemies[guest]:
        if enemy not in seen:
            seen.add(enemy)
            seats[enemy] = "B" if seats[guest] == "A" else "A"
            stack.append(enemy)
print("".join(seats[1:]))
