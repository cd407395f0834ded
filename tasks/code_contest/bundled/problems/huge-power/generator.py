def cases(rng):
    def show(questions):
        return f"{len(questions)}\n" + "".join(f"{a} {b} {d}\n" for a, b, d in questions)

    public = [show([(2, 10, 3), (7, 100, 4), (10, 2, 5)]), show([(3, 0, 2)])]
    hidden = [show([(0, 0, 9), (0, 5, 3), (1, 10**18, 9), (10**12, 1, 9)]), show([(999999999999, 10**18, 9)])]
    hidden.append(show([(a, b, 1 + (a + b) % 9) for a in range(12) for b in range(30)]))
    hidden.append(show([(rng.randint(0, 10**12), rng.randint(0, 10**18), rng.randint(1, 9)) for _ in range(500)]))
    hidden.append(show([(rng.randint(2, 10**12), rng.randint(10**15, 10**18), 9) for _ in range(500)]))
    return public, hidden
