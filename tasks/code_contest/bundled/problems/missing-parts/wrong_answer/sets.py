import sys

words = sys.stdin.read().split()
n = int(words[0])
missing = set(words[1 : n + 1]) - set(words[n + 2 :])
print("\n".join(missing) or "complete")
