"""The life of a pool: workers that die are replaced and their runs repeated; nothing is left, however it ends."""

import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from forge_envs.core.errors import ConfigError, SandboxError
from forge_envs.sandbox.judge import JudgeSpec, Limits, PythonProgram, WorkerPool
from forge_envs.sandbox.linux import cgroups

REPO = Path(__file__).parents[3]
SLOW = PythonProgram("import time\ntime.sleep(0.3)\nprint(input())")
LIMITS = Limits(cpu_s=2, wall_s=10, memory_mb=128)


def family(pid: int) -> set[int]:
    """A process and everything below it."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        parents.setdefault(parent, []).append(int(folder.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return set(found)


def alive(pids: set[int]) -> set[int]:
    """Those that run; a zombie does not."""
    found = set()
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.add(pid)
        except OSError:
            continue
    return found


def eventually(question: Callable[[], bool], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while not question():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def groups_of(pids: set[int]) -> list[Path]:
    where = cgroups.hierarchies()
    parents = [where.unified] if where.unified else [path for _, path in where.split]
    return [path for parent in parents for pid in pids for path in parent.glob(f"{cgroups.PREFIX}{pid}-*")]  # type: ignore[union-attr]


def workers_of(pool: WorkerPool) -> set[int]:
    idle = [worker for _, worker in pool._crew._idle]
    return {pid for worker in [*idle, *pool._crew._busy] for pid in family(worker.pid)}


def test_a_spec_is_plain_data_and_a_pool_starts_nothing_by_itself() -> None:
    spec = JudgeSpec(workers=2)
    assert pickle.loads(pickle.dumps(spec)) == spec
    with WorkerPool(spec) as pool:
        assert not workers_of(pool)


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"attempts": 0}, {"isolation": "strong"}])
def test_mistakes_in_a_spec_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        WorkerPool(JudgeSpec(**wrong))  # type: ignore[arg-type]


def test_closing_twice_leaves_nothing_and_ends_use() -> None:
    pool = WorkerPool(JudgeSpec(workers=1))
    pool.run(SLOW, [b"1"], limits=LIMITS)
    pids = workers_of(pool)
    assert alive(pids)
    descriptors = len(os.listdir("/proc/self/fd"))
    pool.close()
    pool.close()
    assert eventually(lambda: not alive(pids)) and not groups_of(pids)
    assert len(os.listdir("/proc/self/fd")) < descriptors
    with pytest.raises(SandboxError, match="closed"):
        pool.run(SLOW, [b"1"])


def test_closing_during_a_run_raises_there() -> None:
    pool = WorkerPool(JudgeSpec(workers=1))

    def stop(index: int, result: object) -> bool:
        if index == 0:
            threading.Thread(target=pool.close).start()
        return False

    with pytest.raises(SandboxError, match="closed"):
        pool.run(SLOW, [b"1"] * 100, limits=LIMITS, stop=stop)


def test_a_forgotten_pool_is_closed() -> None:
    pool = WorkerPool(JudgeSpec(workers=1))
    pool.run(SLOW, [b"1"], limits=LIMITS)
    pids = workers_of(pool)
    del pool
    assert eventually(lambda: not alive(pids))


def test_a_run_that_is_killed_with_its_namespace_is_repeated() -> None:
    with WorkerPool(JudgeSpec(workers=1)) as pool:
        pool.run(SLOW, [b"0"] * 2, limits=LIMITS)
        if pool.tier != "A":
            pytest.skip("Without namespaces there is no first process of one.")
        (worker,) = [worker for _, worker in pool._crew._idle]

        def kill() -> None:
            time.sleep(0.4)
            pid = worker.pid
            for at in (0, 0, -2):  # the first, its zygote, and before the program what waits in its namespace
                pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[at])
            os.kill(pid, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        results = pool.run(SLOW, [b"%d" % n for n in range(4)], limits=LIMITS)
        killer.join()
        assert [result.stdout for result in results] == [b"%d\n" % n for n in range(4)]
        assert max(result.attempts for result in results) == 2


@pytest.mark.parametrize("victim", ["outside", "first", "zygote", "program"])
def test_a_worker_that_dies_is_replaced_and_its_runs_repeated(victim: str) -> None:
    with WorkerPool(JudgeSpec(workers=1)) as pool:
        pool.run(SLOW, [b"0"] * 2, limits=LIMITS)
        (worker,) = [worker for _, worker in pool._crew._idle]

        def kill() -> None:
            time.sleep(0.4)
            pid = worker.pid
            for _ in range(["outside", "first", "zygote", "program"].index(victim)):
                *_, pid = (int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
            os.kill(pid, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        results = pool.run(SLOW, [b"%d" % n for n in range(4)], limits=LIMITS)
        killer.join()
        assert [result.stdout for result in results] == [b"%d\n" % n for n in range(4)]
        if victim != "zygote" or pool.tier == "A":  # elsewhere a program outlives its zygote
            assert max(result.attempts for result in results) == 2
        assert pool.run(SLOW, [b"5"] * 2, limits=LIMITS)[1].stdout == b"5\n"


def test_an_error_of_the_caller_does_not_cost_the_worker(pool: WorkerPool) -> None:
    def stop(index: int, result: object) -> bool:
        raise KeyError("mine")

    pool.run(SLOW, [b"1"], limits=LIMITS)
    before = workers_of(pool)
    with pytest.raises(KeyError):
        pool.run(SLOW, [b"1", b"2"], limits=LIMITS, stop=stop)
    assert workers_of(pool) & before


def test_many_threads_share_few_workers() -> None:
    with WorkerPool(JudgeSpec(workers=2)) as pool, ThreadPoolExecutor(16) as threads:
        jobs = [
            threads.submit(pool.run, PythonProgram(f"print(int(input()) + {n})"), [b"1", b"2"], limits=LIMITS)
            for n in range(48)
        ]
        for n, job in enumerate(jobs):
            assert [result.stdout for result in job.result()] == [b"%d\n" % (n + 1), b"%d\n" % (n + 2)]
        assert len(pool._crew._idle) <= 2


def test_a_forked_host_gets_workers_of_its_own(pool: WorkerPool) -> None:
    pool.run(SLOW, [b"1"], limits=LIMITS)
    before = workers_of(pool)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = int(pool.run(SLOW, [b"7"], limits=LIMITS)[0].stdout != b"7\n")
            pool.close()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert pool.run(SLOW, [b"8"], limits=LIMITS)[0].stdout == b"8\n"
    assert workers_of(pool) & before


HOST = """
import os, sys, threading
from forge_envs.sandbox.judge import *
pool = WorkerPool(JudgeSpec(workers=2))
def work():
    while True:
        for result in pool.run(PythonProgram("import time; time.sleep(0.05); print(input())"), [b"1"] * 3):
            assert result.stdout == b"1\\n"
            os.write(1, b"verdict\\n")  # in one piece, unlike print
for _ in range(3): threading.Thread(target=work, daemon=True).start()
threading.Event().wait()
"""


def test_killing_the_host_leaves_nothing() -> None:
    rng = random.Random(5)
    for _ in range(int(os.environ.get("FORGE_SOAK_KILLS", "2"))):
        host = subprocess.Popen(
            [sys.executable, "-c", HOST], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(REPO)}
        )
        assert host.stdout is not None
        for _ in range(3):
            assert host.stdout.readline() == b"verdict\n"
        time.sleep(rng.random() * 0.2)
        pids = family(host.pid)
        assert len(pids) > 6
        host.kill()
        host.wait()
        host.stdout.close()
        assert eventually(lambda pids=pids: not alive(pids))  # type: ignore[misc]
        assert eventually(lambda pids=pids: not groups_of(pids))  # type: ignore[misc]
