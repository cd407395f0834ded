import sys

n, _ = map(int, sys.stdin.readline().split())
last = (1, n, 0)
for line in sys.stdin:
    act, left, right, *change = line.split()
    if act == "sum":
        shared = min(int(right), last[1]) - max(int(left), last[0]) + 1
        print(max(shared, 0) * last[2])
    else:
        last = (int(left), int(right), int(change[0]))
