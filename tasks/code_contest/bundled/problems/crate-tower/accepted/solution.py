import sys


def check(lines):
    tower = []
    for number, line in enumerate(lines, start=1):
        act, crate = line.split()
        if act == "put":
            tower.append(crate)
        elif not tower or tower.pop() != crate:
            return f"line {number}"
    return f"ok {len(tower)}"


print(check(sys.stdin.read().splitlines()[1:]))
