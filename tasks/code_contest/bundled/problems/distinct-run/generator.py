def cases(rng):
    public = [[[1, 2, 1, 3, 2], 1], [[4, 4, 4, 4], 2], [[], 1]]
    hidden = [[[7], 5], [[1, 2, 3], 1], [[0, 0], 1], [[5, 1, 5, 2, 5, 3, 5], 2], [[1, 2, 2, 1, 3, 4], 1]]
    hidden += [[[rng.randrange(9) for _ in range(200)], rng.randint(1, 6)] for _ in range(4)]
    hidden.append([[rng.randrange(10000) for _ in range(30000)], 4])
    hidden.append([[k % 10000 for k in range(30000)], 2])
    hidden.append([[0] * 30000, 30000])
    return public, hidden
