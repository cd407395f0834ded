n, height, a, c = map(int, input().split())
heights = []
for _ in range(n):
    heights.append(height)
    height = (height * a + c) % 1_000_003
total = 0
for i in range(n):
    for j in range(i - 1, -1, -1):
        if heights[j] < heights[i]:
            total += i - j
            break
print(total)
