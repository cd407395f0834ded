def refrain(song):
    n, periods = len(song), []
    for p in range(1, n + 1):
        matching = sum(song[i] == song[i + p] for i in range(n - p))
        if matching == n - p:
            periods.append(p)
    return periods[:5]
