def cases(rng):
    public = ["4 3 2 1 7\n", "3 0 1 1 10\n"]
    hidden = ["1 0 0 0 2\n", "100000 1 1 1 1000000007\n", "100000 1000000006 1 1000000006 1000000007\n"]
    hidden += ["100000 1 0 1 2\n", "2 1 0 0 2\n", "100000 1 1 3 7\n"]
    for n, p in ((60, 13), (2000, 97), (100000, 1009), (100000, 1000000007), (99999, 1000000007)):
        hidden.append(f"{n} {rng.randrange(p)} {rng.randrange(2, p)} {rng.randrange(p)} {p}\n")
    return public, hidden
