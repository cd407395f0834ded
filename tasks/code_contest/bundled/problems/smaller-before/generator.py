def cases(rng):
    public = ["5 3 2 1\n", "4 10 1 0\n"]
    hidden = ["1 0 0 0\n", "10 1000002 1 1000002\n", "9 0 1 1\n", "150000 1000002 1 1000002\n", "150000 7 1 0\n"]
    hidden += [f"{n} {rng.randrange(1000003)} {rng.randrange(1000003)} {rng.randrange(1000003)}\n" for n in (50, 3000)]
    hidden += ["150000 5 1 3\n", f"150000 {rng.randrange(1000003)} 5 {rng.randrange(1000003)}\n"]
    return public, hidden
