for _ in range(int(input())):
    a, b, d = map(int, input().split())
    print(pow(a, b, 10**d))
