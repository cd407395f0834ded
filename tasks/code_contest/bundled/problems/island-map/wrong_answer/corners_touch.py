import sys

rows = sys.stdin.read().split()[2:]
land = {(r, c) for r, row in enumerate(rows) for c, cell in enumerate(row) if cell == "#"}
islands = largest = 0
while land:
    stack, size = [land.pop()], 0
    while stack:
        r, c = stack.pop()
        size += 1
        for near in [(r + i, c + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]:
            if near in land:
                land.remove(near)
                stack.append(near)
    islands, largest = islands + 1, max(largest, size)
print(islands, largest)
