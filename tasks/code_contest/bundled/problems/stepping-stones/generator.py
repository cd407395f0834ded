def cases(rng):
    public = [[4, [1, 2]], [3, [2]], [0, [5]]]
    hidden = [[1, [1]], [7, [3, 5]], [10, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]], [45, [1, 2]], [6, [7, 20000]]]
    hidden += [[300, rng.sample(range(1, 60), 6)] for _ in range(3)]
    hidden += [[20000, list(range(1, 21))], [19997, rng.sample(range(2, 500), 20)], [20000, [1]]]
    return public, hidden
