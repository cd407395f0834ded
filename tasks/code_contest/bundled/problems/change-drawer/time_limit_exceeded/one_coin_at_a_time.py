for _ in range(int(input())):
    price, paid = (int(money.replace(".", "")) for money in input().split())
    fewest = [0] + [10**9] * (paid - price)
    for amount in range(1, len(fewest)):
        fewest[amount] = 1 + min(fewest[amount - coin] for coin in (200, 100, 50, 20, 10, 5, 2, 1) if coin <= amount)
    print(fewest[-1])
