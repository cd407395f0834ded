for _ in range(int(input())):
    hours, minutes, seconds = map(int, input().split(":"))
    apart = abs(5.5 * ((hours % 12) * 60 + minutes + seconds / 60)) % 360
    print(f"{min(apart, 360 - apart):.2f}")
