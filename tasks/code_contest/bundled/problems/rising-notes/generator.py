def show(notes):
    return f"{len(notes)}\n" + " ".join(map(str, notes)) + "\n"


def cases(rng):
    public = [show([5, 1, 4, 2, 3]), show([9, 9, 9]), show([3, 4, 1, 9])]
    hidden = [show([42]), show([1, 2]), show([2, 1]), show([10, 20, 1, 2]), show([1, 100, 2, 101, 3, 50])]
    hidden += [show([rng.randint(1, 30) for _ in range(40)]) for _ in range(5)]
    hidden.append(show([rng.randint(1, 10**6) for _ in range(20000)]))
    hidden.append(show(list(range(1, 20001))))
    hidden.append(show([(k // 100) * 100 + 99 - k % 100 + 1 for k in range(20000)]))
    return public, hidden
