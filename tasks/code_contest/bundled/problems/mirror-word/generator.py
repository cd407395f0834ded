def cases(rng):
    public = [[["Anna", "went", "to", "Level", "noon"]], [["forge", "agent"]], [["a"]]]
    hidden = [[[]], [["Aa", "bB"]], [["abc", "xyZ", "zz", "q"]], [["Racecar", "racecar", "RACECAR"]], [["ab", "A"]]]
    pool = []
    for _ in range(1500):
        half = "".join(rng.choice("abC") for _ in range(rng.randint(1, 6)))
        pool.append(half + (half[::-1] if rng.random() < 0.4 else half[::-1].swapcase() + rng.choice(["", "x"])))
    hidden += [[pool[i : i + 300]] for i in range(0, 1500, 300)]
    hidden.append([["b" * k + "a" for k in range(1, 120)]])
    return public, hidden
