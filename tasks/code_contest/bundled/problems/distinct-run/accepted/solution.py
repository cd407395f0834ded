from collections import defaultdict


def longest_distinct(songs, repeats):
    counts, start, best = defaultdict(int), 0, 0
    for end, song in enumerate(songs):
        counts[song] += 1
        while counts[song] > repeats:
            counts[songs[start]] -= 1
            start += 1
        best = max(best, end - start + 1)
    return best
