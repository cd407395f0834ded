def show(listed, delivered):
    return f"{len(listed)}\n" + "".join(f"{p}\n" for p in listed) + f"{len(delivered)}\n" + "\n".join(delivered) + "\n"


def cases(rng):
    public = [show(["bolt", "bolt", "nut"], ["bolt", "wire"]), show(["cap"], ["cap", "cap"])]
    hidden = [show(["a"], []), show(["a", "a", "a"], ["a", "a", "a"]), show(["a", "a", "b"], ["b", "c", "c"])]
    for size, kinds in ((300, 40), (3000, 2000), (9000, 300)):
        names = ["p" + "".join(rng.choice("xyz") for _ in range(7)) + str(k) for k in range(kinds)]
        listed = [rng.choice(names) for _ in range(size)]
        delivered = [p for p in listed if rng.random() < 0.7] + [rng.choice(names) for _ in range(size // 10)]
        rng.shuffle(delivered)
        hidden.append(show(listed, delivered[:10000]))
    numbers = [f"s{k}" for k in range(15000)]
    hidden.append(show(numbers, [*reversed(numbers[:-1]), "s"]))
    return public, hidden
