def show(k, changes):
    return f"{len(changes)} {k}\n" + " ".join(map(str, changes)) + "\n"


def cases(rng):
    public = [show(3, [1, 2, 3, -3, 3]), show(0, [0, 0, 0])]
    hidden = [show(5, [5]), show(5, [-5]), show(-2, [-1, -1, -1]), show(10**9, [1000] * 50), show(0, [1, -1] * 40)]
    hidden.append(show(4, [rng.randint(-3, 3) for _ in range(500)]))
    hidden += [show(0, [0] * 40000), show(7, [rng.randint(-9, 9) for _ in range(40000)])]
    hidden.append(show(-1, [1, -1] * 20000))
    return public, hidden
