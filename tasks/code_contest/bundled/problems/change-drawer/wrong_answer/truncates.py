COINS = (200, 100, 50, 20, 10, 5, 2, 1)
for _ in range(int(input())):
    price, paid = map(float, input().split())
    rest, count = int((paid - price) * 100), 0
    for coin in COINS:
        count += rest // coin
        rest %= coin
    print(count)
