import sys
from collections import Counter

numbers = list(map(int, sys.stdin.read().split()))
k, seen, total, stretches = numbers[1], Counter([0]), 0, 0
for change in numbers[2:]:
    total += change
    stretches += seen[total - k]
    seen[total] += 1
print(stretches)
