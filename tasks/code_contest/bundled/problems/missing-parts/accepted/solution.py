import sys
from collections import Counter

words = sys.stdin.read().split()
n = int(words[0])
missing = Counter(words[1 : n + 1]) - Counter(words[n + 2 :])
print("\n".join(sorted(missing.elements())) or "complete")
