import sys

rows = sys.stdin.read().split()[2:]
width = len(rows[0]) + 1
cells = bytearray(("." * width + ".".join(rows) + "." * width).encode())
islands = largest = 0
position = cells.find(b"#")
while position >= 0:
    cells[position] = 46
    stack, size = [position], 0
    while stack:
        cell = stack.pop()
        size += 1
        for near in (cell - 1, cell + 1, cell - width, cell + width):
            if cells[near] == 35:
                cells[near] = 46
                stack.append(near)
    islands, largest = islands + 1, max(largest, size)
    position = cells.find(b"#", position)
print(islands, largest)
