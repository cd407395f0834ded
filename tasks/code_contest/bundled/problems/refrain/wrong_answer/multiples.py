def refrain(song):
    n = len(song)
    for p in range(1, n + 1):
        if song[p:] == song[: n - p]:
            return [k for k in range(p, n + 1, p)][:5]
    return []
