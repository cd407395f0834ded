n, height, a, c = map(int, input().split())
total, lower = 0, []
for i in range(n):
    while lower and lower[-1][0] >= height:
        lower.pop()
    if lower:
        total += i - lower[-1][1]
    lower.append((height, i))
    height = (height * a + c) % 1_000_003
print(total)
