import sys

c, _, *weights = map(int, sys.stdin.read().split())
loaded = 0
for weight in sorted(weights, reverse=True):
    if loaded + weight <= c:
        loaded += weight
print(loaded)
