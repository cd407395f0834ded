"""What judging one program costs, against what others pay for less isolation.

    python benchmarks/judge.py [--quick] [--rounds N]

Every arm runs the same trivial program. Arms take turns within each round, so that whatever else the machine does
falls on all of them; the medians of the rounds count, and ratios to a bare `python3 -I -S -E` spawn of the same
interpreter. CPU is that of the process tree: the kernel's account of this process, of its children that ended, and of
the control groups (else the processes) of the workers. The last line is one JSON object; the exit code is 1 when a
target is missed.
"""

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from forge_envs.code_contest.judge import Submission, judge
from forge_envs.sandbox.judge import JudgeSpec, Limits, NativeProgram, PythonProgram, WorkerPool
from forge_envs.sandbox.judge.visible import interpreter
from forge_envs.sandbox.linux import cgroups, syscalls

SOURCE = "n = int(input())\nprint(n * 2)\n"
STDIN, EXPECTED = b"21\n", b"42\n"
CPP = '#include <cstdio>\nint main() { int n; if (scanf("%d", &n) == 1) printf("%d\\n", n * 2); }\n'
LIMITS = Limits(cpu_s=2, wall_s=7, memory_mb=256)
BARE = "bare python3 -I -S -E"
WHOLE = "whole judge: submission to verdict"
TARGETS = {
    "isolated, program loaded once": ("cpu_ratio", "at most", 0.35),
    "isolated, one program, one test": ("cpu_ratio", "at most", 0.5),
    WHOLE: ("rate_ratio", "at least", 2.5),
}


@dataclass(frozen=True)
class Arm:
    """One way to run the program.

    Args:
        name: What the table calls it.
        repeat: Runs it so many times and checks every answer.
        group: Arms are compared within a group of the same program.
    """

    name: str
    repeat: Callable[[int], None]
    group: str = "python"


def check(output: bytes) -> None:
    """Raise if an arm did not do its work."""
    if output.split() != EXPECTED.split():
        raise RuntimeError(f"wrong answer: {output!r}")


def children() -> set[int]:
    """The children of this process, those that it adopted included."""
    pid = os.getpid()
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def spawn(argv: list[str], stdin: Path, stdout: Path) -> Callable[[int], None]:
    """Start a command for each run, as cheaply as Python can."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, str(stdin), os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(stdout), os.O_WRONLY | os.O_TRUNC | os.O_CREAT, 0o600),
    ]

    def repeat(times: int) -> None:
        for _ in range(times):
            before = children()
            pid = os.posix_spawn(argv[0], argv, {"PATH": "/usr/bin:/bin"}, file_actions=actions)
            _, status = os.waitpid(pid, 0)
            for orphan in children() - before:  # bubblewrap does not wait for its own: their CPU would be lost
                os.waitpid(orphan, 0)
            if status != 0:
                raise RuntimeError(f"{argv[0]} ended with status {status}")
            check(stdout.read_bytes())

    return repeat


def bubblewrap(argv: Sequence[str], *folders: str) -> list[str] | None:
    """The command in bubblewrap with every namespace, or None where it is not installed or not allowed."""
    program = shutil.which("bwrap")
    if program is None:
        return None
    seen = [folder for folder in ("/usr", "/bin", "/lib", "/lib64", *folders) if os.path.isdir(folder)]
    binds = [part for folder in seen for part in ("--ro-bind", folder, folder)]
    command = [program, "--unshare-all", "--die-with-parent", *binds, "--proc", "/proc", "--dev", "/dev", *argv]
    done = subprocess.run(command, input=STDIN, capture_output=True)
    return command if done.returncode == 0 else None


def forked_process(times: int) -> None:
    """A forked process that compiles and runs the program for each problem, without isolation."""
    context = multiprocessing.get_context("fork")
    for _ in range(times):
        reader, writer = context.Pipe(duplex=False)
        process = context.Process(target=_in_fork, args=(writer,))
        process.start()
        check(reader.recv())
        process.join()
        reader.close()
        writer.close()


def _in_fork(writer: "multiprocessing.connection.Connection") -> None:
    import io

    sys.stdin, sys.stdout = io.StringIO(STDIN.decode()), io.StringIO()
    exec(compile(SOURCE, "solution.py", "exec"), {"__name__": "__main__"})
    writer.send(sys.stdout.getvalue().encode())


def in_pool(pool: WorkerPool, program: PythonProgram | NativeProgram, *, together: bool) -> Callable[[int], None]:
    """Judge workers: all runs of one program, or a program for each run."""

    def repeat(times: int) -> None:
        for _ in range(1 if together else times):
            for result in pool.run(program, [STDIN] * (times if together else 1), limits=LIMITS):
                check(result.stdout)

    return repeat


def in_judge(pool: WorkerPool) -> Callable[[int], None]:
    """The whole judge: a submission with so many tests is read, run, compared and told."""

    def repeat(times: int) -> None:
        tests = [{"stdin": STDIN.decode(), "expected": EXPECTED.decode()}] * times
        limits = {"time_limit_s": LIMITS.cpu_s, "memory_limit_mb": LIMITS.memory_mb}
        row = judge(Submission.from_row({"code": SOURCE, "tests": tests, **limits}), pool=pool).row()
        if row["verdict"] != "AC" or len(row["tests"]) != times:
            raise RuntimeError(f"wrong verdict: {row['verdict']}")

    return repeat


def descendants() -> list[int]:
    """Every process below this one: the workers with all their processes."""
    parents: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                parent = int(Path(entry.path, "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:  # gone meanwhile
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    found = [os.getpid()]
    for pid in found:
        found += parents.get(pid, [])
    return found[1:]


def worker_groups() -> list[Path]:
    """Files with the exact CPU time of every worker's control group; empty where groups are not for us."""
    where = cgroups.hierarchies()
    parent = where.unified or dict(where.split).get("cpuacct")
    name = "cpu.stat" if where.unified else "cpuacct.usage"
    found = [] if parent is None else [list(parent.glob(f"{cgroups.PREFIX}{pid}-*/{name}")) for pid in descendants()]
    return [path for paths in found for path in paths]


def cpu(groups: Sequence[Path]) -> float:
    """CPU seconds of the process tree so far, those of its processes that ended included."""
    usages = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    total = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    for path in groups:
        words = path.read_text().split()
        total += int(words[1]) / 1e6 if path.name == "cpu.stat" else int(words[0]) / 1e9
    if groups:
        return total
    ticks = os.sysconf("SC_CLK_TCK")
    for pid in descendants():
        try:
            total += time.clock_gettime(~pid << 3 | 2)  # the clock of a whole process, from linux/posix-timers.h
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[13]) + int(fields[14])) / ticks  # its children that ended, in coarse ticks
        except OSError:
            continue
    return total


def measure(arms: list[Arm], rounds: int, runs: int, console: Console) -> dict[str, dict[str, float]]:
    """Milliseconds of CPU and of clock per run of every arm: medians over rounds in which they take turns."""
    for arm in arms:
        arm.repeat(3)
    groups = worker_groups()
    samples: dict[str, list[tuple[float, float]]] = {arm.name: [] for arm in arms}
    with console.status("") as status:
        for at in range(rounds):
            for arm in arms[at % len(arms) :] + arms[: at % len(arms)]:
                status.update(f"round {at + 1} of {rounds}: {arm.name}")
                cpu_before, before = cpu(groups), time.perf_counter()
                arm.repeat(runs)
                wall = time.perf_counter() - before
                samples[arm.name].append(((cpu(groups) - cpu_before) / runs * 1e3, wall / runs * 1e3))
    return {
        name: {"cpu_ms": statistics.median(c for c, _ in pairs), "wall_ms": statistics.median(w for _, w in pairs)}
        for name, pairs in samples.items()
    }


def make_arms(pool: WorkerPool, folder: Path, console: Console) -> list[Arm]:
    """Every arm that this machine can run; says which it can't."""
    stdin, stdout, python = folder / "stdin", folder / "stdout", interpreter()
    stdin.write_bytes(STDIN)
    bare = [python, "-I", "-S", "-E", "-c", SOURCE]
    program = PythonProgram(SOURCE)
    arms = [
        Arm(BARE, spawn(bare, stdin, stdout)),
        Arm("isolated, program loaded once", in_pool(pool, program, together=True)),
        Arm("isolated, one program, one test", in_pool(pool, program, together=False)),
        Arm(WHOLE, in_judge(pool)),
        Arm("forked process per problem, no isolation", forked_process),
    ]
    wrapped = bubblewrap(bare, sys.base_prefix)
    if wrapped:
        arms.append(Arm("bubblewrap per test", spawn(wrapped, stdin, stdout)))
    else:
        console.print("bubblewrap is not installed or not allowed here: its arms are left out")
    compiler = shutil.which("g++")
    if compiler is None:
        console.print("g++ is not installed: the native arms are left out")
        return arms
    binary = folder / "native"
    subprocess.run([compiler, "-O2", "-static", "-x", "c++", "-o", binary, "-"], input=CPP.encode(), check=True)
    arms.append(Arm("bare native spawn", spawn([str(binary)], stdin, stdout), "native"))
    arms.append(Arm("native in the worker", in_pool(pool, NativeProgram(binary), together=True), "native"))
    wrapped = bubblewrap([str(binary)], str(folder))
    if wrapped:
        arms.append(Arm("native in bubblewrap", spawn(wrapped, stdin, stdout), "native"))
    return arms


def figures(medians: dict[str, dict[str, float]]) -> dict[str, float]:
    """The ratios that targets speak of, and those that are reported beside."""
    bare = medians[BARE]
    found = {
        f"{name}: cpu_ratio": values["cpu_ms"] / bare["cpu_ms"] for name, values in medians.items() if name != BARE
    }
    # A core's worth of work: the CPU of the host, of the worker and of the runs, with nothing left out.
    found[f"{WHOLE}: rate_ratio"] = bare["cpu_ms"] / medians[WHOLE]["cpu_ms"]
    if "native in the worker" in medians:
        native = medians["native in the worker"]["cpu_ms"]
        found["native: worker / bare spawn"] = native / medians["bare native spawn"]["cpu_ms"]
        if "native in bubblewrap" in medians:
            found["native: worker / bubblewrap"] = native / medians["native in bubblewrap"]["cpu_ms"]
    return found


def judge_targets(found: dict[str, float]) -> dict[str, bool]:
    """Which targets were met."""
    return {
        f"{name}: {figure} {how} {limit}": found[f"{name}: {figure}"] <= limit
        if how == "at most"
        else found[f"{name}: {figure}"] >= limit
        for name, (figure, how, limit) in TARGETS.items()
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--rounds", type=int, default=0, help="how often every arm takes its turn")
    parser.add_argument("--runs", type=int, default=50, help="runs of one turn")
    options = parser.parse_args()
    rounds = options.rounds or (5 if options.quick else 21)
    console = Console(stderr=True)
    syscalls.adopt_orphans()
    with WorkerPool(JudgeSpec(workers=1)) as pool, tempfile.TemporaryDirectory() as folder:
        tier = pool.tier
        arms = make_arms(pool, Path(folder), console)
        medians = measure(arms, rounds, options.runs, console)
    table = Table(title=f"One run (tier {tier}, {rounds} rounds of {options.runs})")
    for column in ("arm", "CPU ms", "clock ms", "runs/s of CPU", "CPU / bare spawn"):
        table.add_column(column, justify="left" if column == "arm" else "right")
    for arm in arms:
        values = medians[arm.name]
        ratio = values["cpu_ms"] / medians[BARE]["cpu_ms"]
        row = (f"{values['cpu_ms']:.2f}", f"{values['wall_ms']:.2f}", f"{1e3 / values['cpu_ms']:.0f}", f"{ratio:.3f}")
        table.add_row(arm.name, *row)
    Console().print(table)
    found = figures(medians)
    met = judge_targets(found)
    for name, good in met.items():
        Console().print(f"[{'green' if good else 'red'}]{'met' if good else 'MISSED'}[/] {name}")
    print(json.dumps({"tier": tier, "medians": medians, "figures": found, "targets": met}))
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
