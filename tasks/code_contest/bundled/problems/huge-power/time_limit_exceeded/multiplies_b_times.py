for _ in range(int(input())):
    a, b, d = map(int, input().split())
    result = 1
    for _ in range(b):
        result = result * a % 10**d
    print(str(result).zfill(d))
