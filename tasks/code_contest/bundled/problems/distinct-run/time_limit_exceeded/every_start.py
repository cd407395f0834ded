def longest_distinct(songs, repeats):
    best = 0
    for start in range(len(songs)):
        counts = {}
        for end in range(start, len(songs)):
            counts[songs[end]] = counts.get(songs[end], 0) + 1
            if counts[songs[end]] > repeats:
                break
            best = max(best, end - start + 1)
    return best
