import heapq
import sys

n, _, *rest = map(int, sys.stdin.read().split())
roads = [[] for _ in range(n + 1)]
for a, b, toll in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
    roads[a].append((b, toll))
    roads[b].append((a, toll))
done, heap = set(), [(0, 1, 0)]
answer = -1
while heap:
    cost, town, dearest = heapq.heappop(heap)
    if town in done:
        continue
    done.add(town)
    if town == n:
        answer = cost - dearest
        break
    for other, toll in roads[town]:
        heapq.heappush(heap, (cost + toll, other, max(dearest, toll)))
print(answer)
