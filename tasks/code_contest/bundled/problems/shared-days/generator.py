def cases(rng):
    def days(count, span):
        marks = sorted(rng.sample(range(0, span, 2), 2 * count))
        return [[marks[2 * i], marks[2 * i + 1]] for i in range(count)]

    public = [[[[1, 5], [8, 9]], [[4, 8]]], [[[1, 2]], [[3, 4]]]]
    hidden = [[[], []], [[[0, 0]], [[0, 0]]], [[[0, 10**9]], [[5, 6], [9, 9]]], [[[3, 7]], []]]
    hidden += [[days(30, 200), days(25, 200)] for _ in range(4)]
    hidden.append([days(3000, 10**9), days(3000, 10**9)])
    hidden.append([[[4 * i, 4 * i + 2] for i in range(3000)], [[4 * i + 2, 4 * i + 4] for i in range(3000)]])
    return public, hidden
