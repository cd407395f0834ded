import sys

words = sys.stdin.read().split()
n = int(words[0])
listed, delivered = words[1 : n + 1], words[n + 2 :]
missing = []
for part in listed:
    found = False
    for index in range(len(delivered)):
        if delivered[index] == part:
            del delivered[index]
            found = True
            break
    if not found:
        missing.append(part)
print("\n".join(missing) or "complete")
