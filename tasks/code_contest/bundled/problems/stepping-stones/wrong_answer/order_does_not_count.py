def ways(n, jumps):
    count = [1] + [0] * n
    for jump in jumps:
        for stone in range(jump, n + 1):
            count[stone] = (count[stone] + count[stone - jump]) % 1_000_000_007
    return count[n]
