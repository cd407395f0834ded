from collections import Counter


def longest_distinct(songs, repeats):
    counts, length, best = Counter(), 0, 0
    for song in songs:
        if counts[song] == repeats:
            counts, length = Counter(), 0
        counts[song] += 1
        length += 1
        best = max(best, length)
    return best
