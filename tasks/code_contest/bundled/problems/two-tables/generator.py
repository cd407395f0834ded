def show(n, pairs):
    return f"{n} {len(pairs)}\n" + "".join(f"{a} {b}\n" for a, b in pairs)


def cases(rng):
    def apart(n, m, spoil=False):
        side = [rng.random() < 0.5 for _ in range(n)]
        side[0], side[1] = True, False
        left = [g for g in range(n) if side[g]]
        right = [g for g in range(n) if not side[g]]
        pairs = [(rng.choice(left) + 1, rng.choice(right) + 1) for _ in range(m)]
        if spoil:
            chain = rng.sample(range(1, n + 1), 101)
            pairs[: len(chain)] = list(zip(chain, [*chain[1:], chain[0]], strict=True))
        rng.shuffle(pairs)
        return show(n, [pair if rng.random() < 0.5 else pair[::-1] for pair in pairs])

    public = [show(3, [(1, 2), (3, 2)]), show(3, [(1, 2), (2, 3), (3, 1)]), show(2, [])]
    hidden = [show(1, []), show(6, [(4, 5), (5, 6), (6, 4)]), show(5, [(4, 5), (5, 4)]), show(4, [(3, 4), (1, 2)])]
    hidden += [apart(50, 40), apart(300, 900), apart(5000, 4000), apart(5000, 10000), apart(5000, 10000, spoil=True)]
    hidden.append(show(5000, [(k, k + 1) for k in range(1, 5000)]))
    hidden.append(show(4999, [(k, k % 4999 + 1) for k in range(1, 5000)]))
    return public, hidden
