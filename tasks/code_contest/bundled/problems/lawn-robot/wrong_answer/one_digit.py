x = y = 0
dx, dy = 0, 1
times = 1
for letter in input():
    if letter.isdigit():
        times = int(letter)
        continue
    for _ in range(times):
        if letter == "F":
            x, y = x + dx, y + dy
        else:
            dx, dy = (-dy, dx) if letter == "L" else (dy, -dx)
    times = 1
print(x, y, {(0, 1): "N", (1, 0): "E", (0, -1): "S", (-1, 0): "W"}[dx, dy])
