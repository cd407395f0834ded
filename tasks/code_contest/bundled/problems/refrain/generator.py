def cases(rng):
    public = [["abcabca"], ["zzz"], ["abc"]]
    hidden = [[""], ["a"], ["ab"], ["aab"], ["abaab" * 9 + "aba"], ["aaaaaaa"], ["abacabadabacaba"]]
    hidden += [["".join(rng.choice("ab") for _ in range(rng.randint(8, 16)))] for _ in range(6)]
    piece = "".join(rng.choice("xyz") for _ in range(9001))
    hidden += [[(piece * 7)[:60000]], ["a" * 60000], ["a" * 30000 + "b" + "a" * 29999], ["a" * 59999 + "b"]]
    word = ["a", "ab"]
    while len(word[-1]) < 40000:
        word.append(word[-1] + word[-2])
    return public, [*hidden, [word[-1]]]
