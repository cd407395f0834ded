import sys

numbers = list(map(int, sys.stdin.read().split()))
best, records = None, 0
for level in numbers[1:]:
    if best is None or level >= best:
        best, records = level, records + 1
print(records)
