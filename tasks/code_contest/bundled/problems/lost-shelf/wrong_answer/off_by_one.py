low, high = 1, int(input())
while low < high:
    middle = (low + high) // 2
    print("ask", middle, flush=True)
    if input() == "right":
        low = middle
        if high - low <= 1:
            break
    else:
        high = middle
print("shelf", low)
