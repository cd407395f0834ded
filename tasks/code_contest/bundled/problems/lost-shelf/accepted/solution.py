low, high = 1, int(input())
while low < high:
    middle = (low + high) // 2
    print("ask", middle, flush=True)
    word = input()
    if word == "here":
        low = high = middle
    elif word == "left":
        high = middle - 1
    else:
        low = middle + 1
print("shelf", low)
