def show(n, log):
    return f"{n} {len(log)}\n" + "".join(" ".join(map(str, line)) + "\n" for line in log)


def cases(rng):
    def some(n, q, ask):
        log = []
        for _ in range(q):
            left, right = sorted((rng.randint(1, n), rng.randint(1, n)))
            asks = rng.random() < ask
            log.append(("sum", left, right) if asks else ("change", left, right, rng.randint(-(10**6), 10**6)))
        return show(n, [*log, ("sum", 1, n)])

    first = [("change", 1, 3, 5), ("sum", 2, 5), ("change", 3, 5, -2), ("sum", 3, 3), ("sum", 1, 5)]
    public = [show(5, first), show(1, [("sum", 1, 1)])]
    hidden = [show(10**9, [("change", 1, 10**9, 10**6)] * 9 + [("sum", 1, 10**9), ("sum", 10**9, 10**9)])]
    hidden += [some(10, 60, 0.5), some(200, 500, 0.3), some(10**9, 5999, 0.5), some(7000, 5999, 0.5)]
    hidden.append(show(10**9, [("change", k, 10**9 - k, 1) for k in range(1, 7001)] + [("sum", 4000, 10**9)] * 7000))
    return public, hidden
