import sys
from bisect import bisect_right

lowest_last = []
for note in list(map(int, sys.stdin.read().split()))[1:]:
    length = bisect_right(lowest_last, note)
    lowest_last[length : length + 1] = [note]
print(len(lowest_last), lowest_last[-1])
