"""Python programs run as `python3 solution.py` would run them, however they read, write and end."""

from collections.abc import Callable

import pytest

from forge_envs.sandbox.judge import Limits, PythonProgram, RunResult, WorkerPool

Run = Callable[..., RunResult]

PROGRAMS = {
    "input": "print(int(input()) + int(input()))",
    "generator over stdin": "import sys\nprint(sum(int(line) for line in sys.stdin))",
    "buffer": "import sys\nprint(sum(map(int, sys.stdin.buffer.read().split())))",
    "two buffer lines": "import sys\nr = sys.stdin.buffer.readline\nprint(int(r()) + int(r()))",
    "open(0)": "print(sum(map(int, open(0).read().split())))",
    "os.read": "import os\nprint(sum(map(int, os.read(0, 99).split())))",
    "dev stdin": "print(sum(map(int, open('/dev/stdin').read().split())))",
    "fileinput": "import fileinput\nprint(sum(map(int, fileinput.input())))",
    "stdout write": "import sys\nsys.stdout.write(str(int(input()) + int(input())) + chr(10))",
    "stdout buffer": "import sys\nsys.stdout.buffer.write(b'%d\\n' % (int(input()) + int(input())))",
    "os.write": "import os\nos.write(1, b'%d\\n' % (int(input()) + int(input())))",
    "open(1) left open": "out = open(1, 'w')\nout.write(str(int(input()) + int(input())) + chr(10))",
    "atexit": "import atexit\natexit.register(lambda: print(int(input()) + int(input())))",
    "non-daemon thread": "import threading, time\n"
    "threading.Thread(target=lambda: (time.sleep(0.05), print(int(input()) + int(input())))).start()",
    "big thread stack": "import sys, threading\nsys.setrecursionlimit(10**6)\nthreading.stack_size(512 * 2**20)\n"
    "def f(n): return 0 if n == 0 else 1 + f(n - 1)\n"
    "def main():\n  assert f(20000) == 20000\n  print(int(input()) + int(input()))\n"
    "t = threading.Thread(target=main)\nt.start()\nt.join()",
    "thread pool": "from concurrent.futures import ThreadPoolExecutor\n"
    "with ThreadPoolExecutor(4) as p: print(sum(p.map(int, open(0))))",
    "future import": "from __future__ import annotations\nprint(int(input()) + int(input()))",
    "byte order mark": "\ufeffprint(int(input()) + int(input()))",
    "global statement": "a = 0\ndef f():\n  global a\n  a = int(input()) + int(input())\nf()\nprint(a)",
    "main guard": "def main(): print(int(input()) + int(input()))\nif __name__ == '__main__': main()",
    "exit()": "print(int(input()) + int(input()))\nexit()",
    "quit(0)": "print(int(input()) + int(input()))\nquit(0)",
    "sys.exit": "import sys\nprint(int(input()) + int(input()))\nsys.exit(0)",
    "os._exit after flush": "import os\nprint(int(input()) + int(input()), flush=True)\nos._exit(0)",
    "fast io template": "import sys, os, io\nclass F(io.IOBase):\n  def __init__(s, f):\n"
    "    s.fd, s.b, s.writable = f.fileno(), io.BytesIO(), 'x' in f.mode or 'r' not in f.mode\n"
    "    s.write = s.b.write\n"
    "  def flush(s):\n    os.write(s.fd, s.b.getvalue()); s.b.truncate(0); s.b.seek(0)\n"
    "sys.stdout = F(sys.stdout)\nassert sys.stdin.mode == 'r'\n"
    "sys.stdout.write(b'%d\\n' % (int(input()) + int(input())))",
    "class Solution": "class Solution:\n  def add(self, a, b): return a + b\n"
    "print(Solution().add(int(input()), int(input())))",
    "numpy": "import numpy as np\nprint(int(np.array([int(input()), int(input())]).sum()))",
    "signal ignored": "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print(int(input()) + int(input()))",
    "deleted object prints": "class A:\n  def __del__(self): print(int(input()) + int(input()))\na = A()",
    "recursion": "def f(n): return 0 if n == 0 else 1 + f(n - 1)\nassert f(980) == 980\n"
    "print(int(input()) + int(input()))",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_correct_programs_are_run_correctly(run: Run, name: str) -> None:
    if name == "numpy":
        pytest.importorskip("numpy")
    result = run(PROGRAMS[name], b"20\r\n22" if name == "input" else b"20\n22\n")
    assert (result.stdout, result.ended, result.exit_code, result.compile_error) == (b"42\n", "exited", 0, None)


@pytest.mark.parametrize("code, expected", [("exit(3)", 3), ("raise ValueError", 1), ("import sys; sys.exit('no')", 1)])
def test_exit_codes(run: Run, code: str, expected: int) -> None:
    assert run(code).exit_code == expected


def test_an_exception_is_reported_without_frames_of_the_machinery(run: Run) -> None:
    result = run("def f():\n    return [][1]\nf()")
    assert result.exception == "IndexError"
    assert result.stderr.decode().splitlines() == [
        "Traceback (most recent call last):",
        '  File "solution.py", line 3, in <module>',
        '  File "solution.py", line 2, in f',
        "IndexError: list index out of range",
    ]


@pytest.mark.parametrize("cases", [1, 2])
@pytest.mark.parametrize("code", ["x = (\nprint(1)", "a\0b", "(" * 10_000, "return 1", b"\xff = 1"])
def test_what_does_not_compile_gives_one_result_that_says_so(pool: WorkerPool, code: str | bytes, cases: int) -> None:
    results = pool.run(PythonProgram(code), [b""] * cases)
    assert len(results) == 1
    assert results[0].compile_error


def test_a_program_is_fresh_for_every_case(pool: WorkerPool) -> None:
    code = "import builtins, math\nprint(getattr(builtins, 'seen', 0), math.pi)\nbuiltins.seen, math.pi = 1, 3"
    assert {result.stdout for result in pool.run(PythonProgram(code), [b""] * 4)} == {b"0 3.141592653589793\n"}


def test_randomness_and_hashes_are_the_same_in_every_run(pool: WorkerPool) -> None:
    code = "import random\nprint(random.random(), hash('a'), {'b', 'c', 'd'})"
    assert len({result.stdout for result in pool.run(PythonProgram(code), [b""] * 3)}) == 1


def test_large_input_and_output(run: Run) -> None:
    data = b"x" * 20_000_000 + b"\n"
    result = run("import sys\nsys.stdout.write(sys.stdin.read())", data, output_bytes=30_000_000, memory_mb=512)
    assert result.stdout == data


def test_stop_leaves_out_the_rest(pool: WorkerPool) -> None:
    seen: list[int] = []
    results = pool.run(
        PythonProgram("print(input())"),
        [b"a", b"b", b"c"],
        stop=lambda index, result: seen.append(index) or result.stdout == b"b\n",  # type: ignore[func-returns-value]
    )
    assert [result.stdout for result in results] == [b"a\n", b"b\n"] and seen == [0, 1]


def test_long_source_and_preamble(pool: WorkerPool) -> None:
    code = "from __future__ import annotations\n" + "# filler\n" * 20_000 + "print(sqrt(int(input())))"
    (result,) = pool.run(PythonProgram(code, preamble="from math import *"), [b"49"], limits=Limits(cpu_s=5))
    assert result.stdout == b"7.0\n"
