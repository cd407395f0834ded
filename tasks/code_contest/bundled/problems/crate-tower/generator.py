def cases(rng):
    def show(log):
        return f"{len(log)}\n" + "".join(f"{act} {crate}\n" for act, crate in log)

    public = [show([("put", 4), ("put", 9), ("take", 9)]), show([("put", 1), ("put", 2), ("take", 1)])]
    hidden = [show([]), show([("take", 5)]), show([("put", 3), ("take", 3), ("take", 3)]), show([("put", 7)] * 9000)]
    for length, slip in ((50, False), (3000, True), (8000, False), (8000, True)):
        log, tower = [], []
        for _ in range(length):
            if tower and rng.random() < 0.49:
                log.append(("take", tower.pop()))
            else:
                tower.append(rng.randint(1, 10**6))
                log.append(("put", tower[-1]))
        if slip:
            late = max(i for i, (act, _) in enumerate(log) if act == "take")
            log[late] = ("take", log[late][1] % 10**6 + 1)
        hidden.append(show(log))
    return public, hidden
