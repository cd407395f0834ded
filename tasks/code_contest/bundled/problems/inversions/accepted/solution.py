def count(heights):
    """Sorted heights and the number of pairs, by merging pieces from the bottom up."""
    pairs, width, n = 0, 1, len(heights)
    while width < n:
        merged = []
        for start in range(0, n, 2 * width):
            i, middle, end = start, min(start + width, n), min(start + 2 * width, n)
            j = middle
            while i < middle and j < end:
                if heights[i] <= heights[j]:
                    merged.append(heights[i])
                    i += 1
                else:
                    merged.append(heights[j])
                    pairs += middle - i
                    j += 1
            merged += heights[i:middle]
            merged += heights[j:end]
        heights, width = merged, 2 * width
    return pairs


n, s, a, c, p = map(int, input().split())
heights = [s]
for _ in range(n - 1):
    heights.append((heights[-1] * a + c) % p)
print(count(heights))
