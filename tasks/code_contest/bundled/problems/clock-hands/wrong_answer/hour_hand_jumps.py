for _ in range(int(input())):
    hours, minutes, seconds = map(int, input().split(":"))
    apart = abs((hours % 12) * 30 - (minutes * 6 + seconds / 10))
    print(min(apart, 360 - apart))
