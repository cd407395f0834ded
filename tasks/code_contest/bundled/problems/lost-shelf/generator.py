def cases(rng):
    public = ["10 7\n", "1 1\n"]
    hidden = ["2 1\n", "2 2\n", "1000000 1\n", "1000000 1000000\n", "1000000 500000\n", "3 3\n", "524288 524287\n"]
    hidden += [f"{n} {rng.randint(1, n)}\n" for n in (rng.randint(10, 10**6) for _ in range(6))]
    return public, hidden
