import sys

tower = []
for number, line in enumerate(sys.stdin.read().splitlines()[1:], start=1):
    act, crate = line.split()
    if act == "put":
        tower.append(crate)
    elif tower.pop() != crate:
        print(f"line {number}")
        break
else:
    print(f"ok {len(tower)}")
