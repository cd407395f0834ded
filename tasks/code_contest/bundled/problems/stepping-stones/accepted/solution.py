def ways(n, jumps):
    count = [1] + [0] * n
    for stone in range(1, n + 1):
        count[stone] = sum(count[stone - jump] for jump in jumps if jump <= stone) % 1_000_000_007
    return count[n]
