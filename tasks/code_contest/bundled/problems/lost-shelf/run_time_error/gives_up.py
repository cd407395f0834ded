n = int(input())
print("ask", n // 2 + 1, flush=True)
word = input()
if word != "here":
    raise SystemExit(3)
print("shelf", n // 2 + 1)
