def cases(rng):
    public = [[3, 2, 2], [2, 3, 1], [0, 5, 3]]
    hidden = [[1, 1, 1], [2, 1, 1], [6, 1, 6], [7, 1, 6], [10, 2, 6], [5, 1000000, 2], [40, 3, 1], [12, 2, 1]]
    hidden += [[rng.randint(2, 2000), rng.randint(1, 40), rng.randint(1, 6)] for _ in range(6)]
    hidden += [[10**18, 10**6, 6], [10**18 - 1, 2, 5], [10**18, 1, 6], [10**17 + 3, 999999, 1]]
    hidden += [[rng.randint(10**15, 10**18), rng.randint(1, 10**6), rng.randint(1, 6)] for _ in range(5)]
    return public, hidden
