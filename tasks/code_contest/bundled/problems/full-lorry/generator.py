def show(c, weights):
    return f"{c} {len(weights)}\n" + " ".join(map(str, weights)) + "\n"


def cases(rng):
    public = [show(10, [7, 4, 5]), show(5, [9]), show(100, [30, 30, 30])]
    hidden = [
        show(1, [1]),
        show(9, [5, 4, 9]),
        show(12, [8, 6, 6]),
        show(1000000, [1] * 200),
        show(50, [26, 25, 24, 23]),
    ]
    hidden += [show(rng.randint(20, 300), [rng.randint(3, 90) for _ in range(14)]) for _ in range(6)]
    hidden += [show(1000000, [rng.randint(1, 100000) for _ in range(200)]), show(999999, [5000] * 199 + [4999])]
    hidden += [show(999983, [2 * rng.randint(20000, 50000) for _ in range(200)]), show(1000000, [99991] * 200)]
    return public, hidden
