def refrain(song):
    n = len(song)
    return [p for p in range(1, n + 1) if n % p == 0 and song[:p] * (n // p) == song][:5]
