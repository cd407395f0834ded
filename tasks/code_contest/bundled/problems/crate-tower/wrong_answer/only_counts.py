import sys

height = 0
for number, line in enumerate(sys.stdin.read().splitlines()[1:], start=1):
    height += 1 if line.startswith("put") else -1
    if height < 0:
        print(f"line {number}")
        break
else:
    print(f"ok {height}")
