import sys

n, m, *rest = map(int, sys.stdin.read().split())
roads = list(zip(rest[::3], rest[1::3], rest[2::3], strict=True))
far = 10**18
full, used = [far] * (n + 1), [far] * (n + 1)
full[1] = used[1] = 0
changed = True
while changed:
    changed = False
    for road in roads:
        for a, b, toll in (road, (road[1], road[0], road[2])):
            if full[a] + toll < full[b]:
                full[b], changed = full[a] + toll, True
            if min(full[a], used[a] + toll) < used[b]:
                used[b], changed = min(full[a], used[a] + toll), True
print(used[n] if used[n] < far else -1)
