def show(n, ladders):
    return f"{n} {len(ladders)}\n" + "".join(f"{foot} {top}\n" for foot, top in ladders)


def cases(rng):
    def some(n, k):
        feet = sorted(rng.sample(range(1, n), k))
        plain = [f for f in range(1, n + 1) if f not in set(feet)]
        tops = [rng.choice(plain[max(0, len(plain) - (n - foot)) :]) for foot in feet]
        return show(n, [(foot, top) for foot, top in zip(feet, tops, strict=True) if top > foot])

    public = [show(1, []), show(6, []), show(10, [(3, 9), (4, 5)])]
    hidden = [show(2, []), show(7, [(1, 7)]), show(12, [(k, 12) for k in range(1, 12)]), show(100000, [])]
    hidden += [some(30, 6), some(100, 20), some(1000, 300), some(20000, 40), some(100000, 5000)]
    return public, hidden
