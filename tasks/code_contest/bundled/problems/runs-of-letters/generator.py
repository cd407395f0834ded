def cases(rng):
    public = [["aaabcc"], [""], ["zz  z"]]
    hidden = [["a"], ["ab" * 20], ["x" * 100000], ["é" * 3 + "e"], ["112"], ["\n\n \t\t"]]
    hidden.append(["".join(rng.choice("ab") for _ in range(2000))])
    hidden.append(["".join(rng.choice("qrs") * rng.randint(1, 400) for _ in range(400))[:100000]])
    return public, hidden
