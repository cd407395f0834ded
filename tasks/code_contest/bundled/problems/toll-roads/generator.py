def show(n, roads):
    return f"{n} {len(roads)}\n" + "".join(f"{a} {b} {toll}\n" for a, b, toll in roads)


def cases(rng):
    def net(n, m, highest, joined=True):
        roads = [(rng.randint(1, k), k + 1, rng.randint(0, highest)) for k in range(1, n if joined else n - 1)]
        while len(roads) < m:
            a, b = rng.sample(range(1, n + 1 if joined else n), 2)
            roads.append((a, b, rng.randint(0, highest)))
        rng.shuffle(roads)
        return show(n, roads)

    public = [show(4, [(1, 2, 5), (2, 4, 7), (1, 3, 4), (3, 4, 9)]), show(3, [(1, 2, 1)]), show(2, [(1, 2, 8)])]
    hidden = [show(2, [(2, 1, 0), (1, 2, 5)]), show(5, [(1, 2, 1), (2, 3, 1), (3, 5, 1), (1, 4, 2), (4, 5, 50)])]
    hidden.append(show(4, [(1, 2, 10**9), (2, 3, 10**9), (3, 4, 10**9), (1, 3, 10**9)]))
    hidden += [net(30, 60, 20) for _ in range(3)] + [net(2000, 5000, 10**9, joined=False), net(4000, 9000, 10**9)]
    detour = [(k, k + 1, 1) for k in range(1, 2000)] + [(1, k, 2 * (2000 - k) + 5) for k in range(3, 2000)]
    hidden.append(show(2000, detour[::-1]))
    hidden.append(show(3000, [(k, k + 1, 10**9 - k) for k in range(2999, 0, -1)]))
    return public, hidden
