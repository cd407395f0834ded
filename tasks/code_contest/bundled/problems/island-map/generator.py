def show(rows):
    return f"{len(rows)} {len(rows[0])}\n" + "\n".join(rows) + "\n"


def cases(rng):
    def land(height, width, share):
        return show(["".join("#" if rng.random() < share else "." for _ in range(width)) for _ in range(height)])

    public = [show(["##.", "..#", "#.#"]), show(["...."])]
    hidden = [show(["#"]), show(["."]), show(["#.#", ".#.", "#.#"]), show(["#" * 300]), show(["#", "."] * 150)]
    hidden += [land(20, 30, 0.5), land(300, 300, 0.55), land(300, 2, 0.7), show(["#" * 300] * 300)]
    snake = [("#" * 300 if r % 2 == 0 else ("." * 299 + "#" if r % 4 == 1 else "#" + "." * 299)) for r in range(299)]
    return public, [*hidden, show(snake)]
