for _ in range(int(input())):
    hours, minutes, seconds = map(int, input().split(":"))
    passed = (hours % 12) * 3600 + minutes * 60 + seconds
    # 120ths of a degree: the hour hand moves one each second, the minute hand twelve.
    apart = (11 * passed) % 43200
    print(min(apart, 43200 - apart) / 120)
