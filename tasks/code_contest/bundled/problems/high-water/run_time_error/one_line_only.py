n = int(input())
levels = list(map(int, input().split()))
best, records = levels[0] - 1, 0
for day in range(n):
    if levels[day] > best:
        best, records = levels[day], records + 1
print(records)
