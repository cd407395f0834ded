"""Many runs in a row: the host's memory stays flat, and nothing is left. FORGE_SOAK_RUNS=20000 for the whole of it."""

import gc
import os
import time
from pathlib import Path

from forge_envs.sandbox.judge import JudgeSpec, Limits, PythonProgram, WorkerPool
from forge_envs.sandbox.linux import cgroups

RUNS = int(os.environ.get("FORGE_SOAK_RUNS", "500"))
LIMITS = Limits(cpu_s=0.5, wall_s=5, memory_mb=128, output_bytes=2**20)
PROGRAMS = (
    "print(int(input()) * 2)",
    "raise ValueError",
    "x = (",
    "print('x' * 100_000)",
    "import os\nos.abort()",
    "import threading\nthreading.Thread(target=print).start()",
    "x = bytearray(10**9)",
    "while 1: print('x' * 10_000)",
)


def resident() -> int:
    """KiB of memory that this process holds."""
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS")))


def footprint(worker: int) -> tuple[int, int, int, int]:
    """Descriptors of this process, processes of the worker, mounts seen by it and by this process, its groups."""
    first = Path(f"/proc/{worker}/task/{worker}/children").read_text().split()
    below = [child for pid in first for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    programs = [child for pid in below for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    where = cgroups.hierarchies()
    parents = [where.unified] if where.unified else [path for _, path in where.split]
    groups = [group for parent in parents for group in parent.glob(f"{cgroups.PREFIX}{worker}-*")]  # type: ignore[union-attr]
    mounts = len(Path(f"/proc/{first[0]}/mounts").read_text().splitlines())
    ours = [line for line in Path("/proc/self/mounts").read_text().splitlines() if line.split()[0] in ("root", "box")]
    processes = len(first) + len(below) + len(programs)
    return len(os.listdir("/proc/self/fd")), processes, mounts + len(ours), len(groups)


def settled(worker: int, wanted: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """The footprint, once programs that just ended have been collected."""
    until = time.monotonic() + 10
    while (found := footprint(worker)) != wanted and time.monotonic() < until:
        time.sleep(0.05)
    return found


def test_many_runs_leave_nothing() -> None:
    with WorkerPool(JudgeSpec(workers=1)) as pool:

        def work(runs: int) -> int:
            done = series = repeated = 0
            while done < runs:
                # Most programs are plain; each of the others comes once in a while, alone and in a series.
                code = PROGRAMS[series % 40] if series % 40 < len(PROGRAMS) else PROGRAMS[0]
                cases = [b"21"] * (1 if series % 3 else 9)
                results = pool.run(PythonProgram(code), cases, limits=LIMITS)
                if code is PROGRAMS[0]:
                    assert {result.stdout for result in results} == {b"42\n"}
                repeated += sum(result.attempts > 1 for result in results)
                done += len(cases)
                series += 1
            return repeated

        work(min(RUNS, 400))
        worker = pool._crew._idle[0][1].pid
        memory, before = resident(), footprint(worker)
        # On a machine that starves it a worker may be given up and its runs repeated, once in a great while.
        assert work(RUNS) <= max(1, RUNS // 2000)
        worker = pool._crew._idle[0][1].pid
        assert settled(worker, before) == before
        assert resident() <= memory * 1.05
