import sys

n, _ = map(int, sys.stdin.readline().split())
changes = []
for line in sys.stdin:
    act, left, right, *change = line.split()
    if act == "sum":
        total = 0
        for first, last, by in changes:
            shared = min(int(right), last) - max(int(left), first) + 1
            if shared > 0:
                total += shared * by
        print(total)
    else:
        changes.append((int(left), int(right), int(change[0])))
