def fences(n, colours, run):
    mod = 998_244_353
    if n == 0:
        return 1
    if run == 1:
        return colours * pow(colours - 1, n - 1, mod) % mod
    same, different = 0, colours
    for _ in range(min(n - 1, 5000)):
        same, different = different, (same + different) * (colours - 1) % mod
    return (same + different) % mod
