import re

x = y = 0
dx, dy = 0, 1
for count, letter in re.findall(r"(\d*)([LRF])", input()):
    times = int(count or 1)
    if letter == "F":
        x, y = x + dx * times, y + dy * times
        continue
    for _ in range(times % 4):
        dx, dy = (-dy, dx) if letter == "L" else (dy, -dx)
print(x, y, {(0, 1): "N", (1, 0): "E", (0, -1): "S", (-1, 0): "W"}[dx, dy])
