n, s, a, c, p = map(int, input().split())
heights = [s]
for _ in range(n - 1):
    heights.append((heights[-1] * a + c) % p)
print(sum(heights[i] > heights[j] for i in range(n) for j in range(i + 1, n)))
