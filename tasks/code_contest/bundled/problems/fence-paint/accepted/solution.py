MOD = 998_244_353


def fences(n, colours, run):
    if n == 0:
        return 1

    def times(a, b):
        columns = list(zip(*b, strict=True))
        return [[sum(x * y for x, y in zip(row, column, strict=True)) % MOD for column in columns] for row in a]

    # State k: the last run has k + 1 boards. One board more makes it longer, or starts a run in another colour.
    step = [[0] * run for _ in range(run)]
    for k in range(run):
        step[k][0] = (colours - 1) % MOD
        if k + 1 < run:
            step[k][k + 1] = 1
    state = [[colours % MOD] + [0] * (run - 1)]
    rest = n - 1
    while rest:
        if rest & 1:
            state = times(state, step)
        step = times(step, step)
        rest >>= 1
    return sum(state[0]) % MOD
