x = y = 0
dx, dy = 0, 1
number = ""
for letter in input():
    if letter.isdigit():
        number += letter
        continue
    for _ in range(int(number or 1)):
        if letter == "F":
            x, y = x + dx, y + dy
        else:
            dx, dy = (-dy, dx) if letter == "L" else (dy, -dx)
    number = ""
print(x, y, {(0, 1): "N", (1, 0): "E", (0, -1): "S", (-1, 0): "W"}[dx, dy])
