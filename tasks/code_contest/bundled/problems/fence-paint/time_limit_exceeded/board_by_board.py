MOD = 998_244_353


def fences(n, colours, run):
    if n == 0:
        return 1
    ways = [colours % MOD] + [0] * (run - 1)
    for _ in range(n - 1):
        ways = [sum(ways) * (colours - 1) % MOD, *ways[:-1]]
    return sum(ways) % MOD
