n = int(input())
for shelf in range(1, n + 1):
    print("ask", shelf, flush=True)
    if input() == "here":
        print("shelf", shelf)
        break
