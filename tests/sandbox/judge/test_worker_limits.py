"""Limits: CPU decides, the clock stops sleepers, memory and output end a run, and nothing leaks into the next."""

from collections.abc import Callable

import pytest

from forge_envs.sandbox.judge import Limits, PythonProgram, RunResult, WorkerPool

Run = Callable[..., RunResult]

ENDINGS = {
    "while True: pass": "cpu_limit",
    "from signal import *\nfor n in {*range(1, 32)} - {9, 19}: signal(n, SIG_IGN)\nwhile 1: pass": "cpu_limit",
    "import threading\nfor _ in range(4): threading.Thread(target=lambda: max(iter(int, 1))).start()": "cpu_limit",
    "import time\ntime.sleep(60)": "wall_limit",
    "import threading\nthreading.Event().wait()": "wall_limit",
    "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\nimport time\ntime.sleep(60)": "wall_limit",
    "x = [0] * 10**9": "memory_limit",
    "x = []\nwhile 1: x.append(bytearray(10**6))": "memory_limit",
    "import mmap\nm = mmap.mmap(-1, 2**31)\nfor i in range(0, 2**31, 4096): m[i] = 1": "memory_limit",
    "x = 'a'\nwhile 1: x += x": "memory_limit",
    "while 1: print('x' * 1000)": "output_limit",
    "import sys\nwhile 1: sys.stderr.write('x' * 1000)": "output_limit",
    "import os\nos.ftruncate(1, 2**20 + 1)": "output_limit",
}


@pytest.mark.parametrize("code", ENDINGS)
def test_a_limit_ends_the_run(run: Run, code: str) -> None:
    result = run(code, cpu_s=0.3, wall_s=1.5, memory_mb=128, output_bytes=2**20)
    assert result.ended == ENDINGS[code], result
    assert len(result.stdout) <= 2**20 and result.exit_code is None
    if result.ended == "cpu_limit":
        assert 0.3 <= result.cpu_s < 1
    if result.ended == "wall_limit":
        assert result.cpu_s < 0.3 and result.idle_s > 1
    if result.ended == "memory_limit":
        assert result.memory_mb < 400


def test_sleep_costs_no_cpu_and_is_told_apart(run: Run) -> None:
    result = run("import time\ntime.sleep(0.3)\nprint(1)", cpu_s=0.2, wall_s=5)
    assert result.ended == "exited" and result.cpu_s < 0.1 and result.idle_s > 0.25


def test_a_run_that_ends_after_its_time_is_over_it(pool: WorkerPool, run: Run) -> None:
    code = "import time\nend = time.process_time() + 0.25\nwhile time.process_time() < end: pass"
    assert run(code, cpu_s=0.2, wall_s=5).ended == "cpu_limit"
    assert run(code, cpu_s=0.6, wall_s=5).ended == "exited"


def test_memory_of_one_run_is_not_held_against_the_next(pool: WorkerPool, run: Run) -> None:
    for _ in range(3):
        assert run("x = bytearray(10**9)", memory_mb=128).ended == "memory_limit"
        assert run("x = bytearray(80 * 10**6)\nprint(len(x))", memory_mb=128).ended == "exited"


def test_a_large_stack_reservation_is_no_use_of_memory(run: Run) -> None:
    code = (
        "import threading\nthreading.stack_size(512 * 2**20)\nt = threading.Thread(target=print, args=(1,))\nt.start()"
    )
    assert run(code, memory_mb=64).stdout == b"1\n"


def test_the_compiler_is_limited_too(run: Run) -> None:
    nested = "(" * 150 + "1" + ")" * 150
    result = run("x = [" + ",".join([nested] * 20_000) + "]", cpu_s=0.5, wall_s=3, memory_mb=128)
    assert result.compile_error or result.ended in ("cpu_limit", "memory_limit")


def test_interactive_programs_talk(pool: WorkerPool) -> None:
    guess = "lo, hi = 1, 1000\nwhile 1:\n  m = (lo + hi) // 2\n  print(m, flush=True)\n  a = input()\n" + (
        "  if a == 'ok': break\n  if a == 'more': lo = m + 1\n  else: hi = m - 1"
    )
    answer = "import sys\nn = 777\nwhile 1:\n  g = int(input())\n" + (
        "  print('ok' if g == n else 'more' if g < n else 'less', flush=True)\n  if g == n: sys.exit(5)"
    )
    first, second = pool.interact(PythonProgram(guess), PythonProgram(answer))
    assert (first.ended, first.exit_code, second.exit_code) == ("exited", 0, 5)


def test_interactive_programs_that_wait_for_each_other_end(pool: WorkerPool) -> None:
    limits = Limits(cpu_s=1, wall_s=1, memory_mb=128)
    both = pool.interact(PythonProgram("input()"), PythonProgram("input()"), first_limits=limits, second_limits=limits)
    assert "wall_limit" in {side.ended for side in both}


def test_an_interactive_program_sees_the_end_of_the_other(pool: WorkerPool) -> None:
    first, second = pool.interact(PythonProgram("print(1, flush=True)"), PythonProgram("print(input())\ninput()"))
    assert first.exit_code == 0 and second.exception == "EOFError"
    broken, second = pool.interact(PythonProgram("x ="), PythonProgram("input()"))
    assert broken.compile_error and second.exception == "EOFError"
