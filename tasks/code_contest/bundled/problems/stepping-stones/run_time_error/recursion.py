from functools import cache


def ways(n, jumps):
    @cache
    def count(stone):
        if stone == 0:
            return 1
        return sum(count(stone - jump) for jump in jumps if jump <= stone) % 1_000_000_007

    return count(n)
