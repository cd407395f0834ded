import sys

rows = [list(row) for row in sys.stdin.read().split()[2:]]


def flood(r, c):
    if not (0 <= r < len(rows) and 0 <= c < len(rows[0]) and rows[r][c] == "#"):
        return 0
    rows[r][c] = "."
    return 1 + flood(r + 1, c) + flood(r - 1, c) + flood(r, c + 1) + flood(r, c - 1)


sizes = [flood(r, c) for r in range(len(rows)) for c in range(len(rows[0]))]
print(sum(size > 0 for size in sizes), max(sizes))
