def cases(rng):
    def show(times):
        return f"{len(times)}\n" + "".join(f"{t // 3600:02}:{t // 60 % 60:02}:{t % 60:02}\n" for t in times)

    public = [show([3 * 3600, 6 * 3600, 12 * 3600 + 30 * 60]), show([23 * 3600 + 59 * 60 + 59])]
    hidden = [show([0]), show([12 * 3600]), show([1 * 3600 + 5 * 60 + 27, 21 * 3600]), show(list(range(0, 86400, 61)))]
    hidden.append(show([rng.randrange(86400) for _ in range(5000)]))
    return public, hidden
