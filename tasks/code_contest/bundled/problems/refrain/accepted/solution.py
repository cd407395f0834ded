def refrain(song):
    # border[i]: the longest proper prefix of song[:i] that is also its suffix; borders and periods add up to n.
    n, border, k = len(song), [0, 0], 0
    for i in range(1, n):
        while k and song[i] != song[k]:
            k = border[k]
        if song[i] == song[k]:
            k += 1
        border.append(k)
    periods, k = [], n
    while k and len(periods) < 5:
        k = border[k]
        periods.append(n - k)
    return periods
