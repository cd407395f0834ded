def ways(n, jumps):
    if n == 0:
        return 1
    return sum(ways(n - jump, jumps) for jump in jumps if jump <= n) % 1_000_000_007
