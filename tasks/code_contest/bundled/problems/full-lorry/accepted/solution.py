import sys

c, _, *weights = map(int, sys.stdin.read().split())
sums = 1  # bit s: a weight of s can be loaded
for weight in weights:
    sums |= (sums << weight) & ((2 << c) - 1)
print(sums.bit_length() - 1)
