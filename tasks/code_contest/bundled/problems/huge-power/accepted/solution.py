for _ in range(int(input())):
    a, b, d = map(int, input().split())
    print(str(pow(a, b, 10**d)).zfill(d))
