import sys

c, _, *weights = map(int, sys.stdin.read().split())


def best(room, k):
    if k == len(weights) or room == 0:
        return 0
    without = best(room, k + 1)
    return max(without, weights[k] + best(room - weights[k], k + 1)) if weights[k] <= room else without


print(best(c, 0))
