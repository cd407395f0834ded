def cases(rng):
    def some(count, span, longest):
        starts = [rng.randrange(span) for _ in range(count)]
        return [[[s, s + rng.randint(1, longest)] for s in starts]]

    public = [[[[1, 4], [2, 6], [4, 5]]], [[]], [[[7, 9], [1, 3]]]]
    hidden = [[[[0, 1]]], [[[0, 10], [10, 20]]], [[[5, 8]] * 40], [[[0, 10**9], [999_999_999, 10**9]]]]
    hidden += [some(60, 40, 12), some(800, 500, 30), some(1500, 999_000_000, 900_000), some(12000, 10**6, 10**5)]
    hidden.append([[[k, 30000 - k] for k in range(12000)]])
    return public, hidden
