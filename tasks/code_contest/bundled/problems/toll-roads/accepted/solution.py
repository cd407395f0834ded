import heapq
import sys

n, _, *rest = map(int, sys.stdin.read().split())
roads = [[] for _ in range(n)]
for a, b, toll in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
    roads[a - 1].append((b - 1, toll))
    roads[b - 1].append((a - 1, toll))
# States: a town with the voucher still there (0 to n - 1), or used (n to 2n - 1).
paid, heap = [None] * (2 * n), [(0, 0)]
while heap:
    cost, state = heapq.heappop(heap)
    if paid[state] is not None:
        continue
    paid[state] = cost
    used, town = divmod(state, n)
    for other, toll in roads[town]:
        if paid[used * n + other] is None:
            heapq.heappush(heap, (cost + toll, used * n + other))
        if not used and paid[n + other] is None:
            heapq.heappush(heap, (cost, n + other))
print(-1 if paid[2 * n - 1] is None else paid[2 * n - 1])
