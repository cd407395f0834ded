def show(levels, per_line=10**9):
    rows = [levels[i : i + per_line] for i in range(0, len(levels), per_line)]
    return f"{len(levels)}\n" + "".join(" ".join(map(str, row)) + "\n" for row in rows)


def cases(rng):
    public = [show([3, 1, 4, 1, 5]), show([7, 7, 7]), show([-2])]
    hidden = [show([-5, -9, -5, -4, -4]), show([-1_000_000, 1_000_000]), show([5, 4, 3, 2, 1]), show([0, 1, 2, 3], 1)]
    hidden.append(show([rng.randint(-20, 20) for _ in range(200)], 7))
    hidden.append(show([i // 3 for i in range(9000)]))
    hidden.append(show([rng.randint(-(10**6), 10**6) for _ in range(20000)], 12))
    return public, hidden
