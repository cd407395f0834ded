import sys

numbers = list(map(int, sys.stdin.read().split()))
k, changes = numbers[1], numbers[2:]
stretches = 0
for start in range(len(changes)):
    total = 0
    for change in changes[start:]:
        total += change
        stretches += total == k
print(stretches)
