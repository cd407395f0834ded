"""Reads `n shelf` from its input file and answers questions."""

import sys

QUESTIONS = 20


def talk(n, shelf):
    print(n, flush=True)
    for asked in range(QUESTIONS + 1):
        line = sys.stdin.readline(200).split()
        if len(line) != 2 or line[0] not in ("ask", "shelf") or not line[1].isascii() or not line[1].isdigit():
            return "neither a question nor an answer"
        number = int(line[1][:20])
        if line[0] == "shelf":
            return None if number == shelf else "wrong shelf"
        if asked == QUESTIONS:
            return "too many questions"
        if not 1 <= number <= n:
            return "no such shelf"
        print("here" if number == shelf else "left" if shelf < number else "right", flush=True)
    return "too many questions"


with open(sys.argv[1]) as problem:
    fault = talk(*map(int, problem.read().split()))
if fault is None and sys.stdin.read().strip():
    fault = "more was printed after the answer"
print(fault or "ok", file=sys.stderr)
sys.exit(1 if fault else 0)
