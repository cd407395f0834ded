import sys

numbers = list(map(int, sys.stdin.read().split()))
k, changes = numbers[1], numbers[2:]
start = total = stretches = 0
for end, change in enumerate(changes):
    total += change
    while total > k and start < end:
        total -= changes[start]
        start += 1
    stretches += total == k
print(stretches)
