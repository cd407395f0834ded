def show(pairs):
    money = [f"{price // 100}.{price % 100:02} {paid // 100}.{paid % 100:02}" for price, paid in pairs]
    return f"{len(pairs)}\n" + "\n".join(money) + "\n"


def cases(rng):
    public = [show([(105, 200), (1, 500)]), show([(1999, 2000)])]
    hidden = [show([(100, 100)]), show([(0, 10_000_000), (1, 10_000_000)]), show([(p, 500) for p in range(501)])]
    random_pairs = []
    for _ in range(2000):
        price = rng.randint(0, 10**7)
        random_pairs.append((price, rng.randint(price, min(10**7, price + 1000))))
    return public, [*hidden, show(random_pairs)]
