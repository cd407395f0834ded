"""What an episode of forge/SWE-v0 costs beside the tests themselves, on a bundled task.

    python benchmarks/swe.py [--quick] [--rounds N] [--image NAME | --no-docker]

Arms take turns within each round, so that whatever else the machine does falls on all of them; medians count. By hand
means: the task's own test command on the repaired repository, as a plain process with the same Python. Docker's arms
run where a daemon answers and has the base image (tests/sandbox/start_docker.sh makes it); what they leave is removed.
The last line is one JSON object; the exit code is 1 when a target is missed.
"""

import argparse
import io
import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from forge_envs.core.task import Task, load_suite
from forge_envs.swe.env import SWEEnv
from forge_envs.swe.python_env import python_env
from forge_envs.swe.sources import prepared_for
from forge_envs.swe.task import SWETask

REPO = Path(__file__).resolve().parents[1]
TASK = "forge__rota-31"
HAND, RUN = "tests by hand", "docker run IMAGE true"
TARGETS: dict[str, float] = {
    "local: reset, seconds": 0.1,
    "local: gold episode beside the tests, seconds": 1.5,
    "local: gold episode / tests by hand": 5.0,
    "docker: reset, seconds": 1.2,
    "docker: reset / docker run": 3.0,
}
"""Each figure may be at most this; a figure that was not measured is no miss."""


@dataclass(frozen=True)
class Arm:
    """Something that is timed.

    Args:
        name: What the table calls it.
        once: Does it, and gives the seconds of each of its parts by name.
    """

    name: str
    once: Callable[[], dict[str, float]]


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds on the clock, and what it gave."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def by_hand(task: Task, folder: Path) -> Callable[[], dict[str, float]]:
    """The task's tests on the repaired repository, with no sandbox."""
    about = SWETask.from_row(task.data, task.id)
    shutil.copytree(prepared_for(task, suites=["swe/bundled"]).folder, folder)
    for patch in (about.patch, about.test_patch):
        subprocess.run(["git", "apply", "-"], input=patch.encode(), cwd=folder, check=True)
    packages = next(Path(python_env().mounts[0].source).glob("lib/python3*/site-packages"))
    files = sorted({test.partition("::")[0] for test in (*about.fail_to_pass, *about.pass_to_pass)})
    words = about.test_command.split()
    command = [sys.executable, "-S", *words[1:], *(files if not any(word in files for word in words) else [])]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(packages), "PYTHONDONTWRITEBYTECODE": "1"}

    def once() -> dict[str, float]:
        seconds, done = timed(lambda: subprocess.run(command, cwd=folder, env=env, capture_output=True))
        if done.returncode != 0:
            raise RuntimeError(f"the repaired repository fails its tests: {done.stdout.decode()[-500:]}")
        return {HAND: seconds}

    return once


def episode(env: SWEEnv, kind: str) -> Callable[[], dict[str, float]]:
    """Reset, gold in one command, submit and grade."""

    def once() -> dict[str, float]:
        start = time.perf_counter()
        reset, _ = timed(lambda: env.reset(seed=0, options={"task": TASK}))
        repair, submit = env.gold_actions()
        bash, _ = timed(lambda: env.step(repair))
        grade, result = timed(lambda: env.step(submit))
        whole = time.perf_counter() - start
        if result[1] != 1.0:
            raise RuntimeError(f"gold earned {result[1]}: {result[-1]['verdict']}")
        return {
            f"{kind}: reset": reset,
            f"{kind}: one bash": bash,
            f"{kind}: submit and grade": grade,
            f"{kind}: gold episode": whole,
        }

    return once


def docker_run(image: str) -> Callable[[], dict[str, float]]:
    """What Docker's own client takes for nothing at all."""
    command = ["docker", "run", "--rm", "--network", "none", "--entrypoint", "true", image]
    return lambda: {RUN: timed(lambda: subprocess.run(command, check=True, capture_output=True))[0]}


def docker_image(stack: ExitStack, console: Console) -> str | None:
    """An image with pytest, removed when the stack ends, or None where there is no Docker."""
    sys.path.insert(0, str(REPO / "tests" / "swe"))
    images = import_module("docker_images")
    from forge_envs.swe.docker_prepare import prepared_images, remove_image

    if reason := images.why_no_docker():
        console.print(f"Docker's arms are left out: {reason}", highlight=False)
        return None
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        images.conda_env(archive, next(Path(python_env().mounts[0].source).glob("lib/python3*/site-packages")))
    name = f"forge-bench-swe:{secrets.token_hex(8)}"

    def remove() -> None:
        for one in prepared_images():
            if one["source"] == name:
                remove_image(one["image"])
        remove_image(name)

    images.make_image(name, buffer.getvalue())
    stack.callback(remove)
    return name


def measure(arms: list[Arm], rounds: int, console: Console) -> dict[str, float]:
    """Median seconds of every part; the first turn of each arm, which prepares, does not count."""
    samples: dict[str, list[float]] = {}
    for arm in arms:
        arm.once()
    with console.status("") as status:
        for at in range(rounds):
            for arm in arms[at % len(arms) :] + arms[: at % len(arms)]:
                status.update(f"round {at + 1} of {rounds}: {arm.name}")
                for name, seconds in arm.once().items():
                    samples.setdefault(name, []).append(seconds)
    return {name: statistics.median(seconds) for name, seconds in samples.items()}


def figures(medians: dict[str, float]) -> dict[str, float]:
    """What targets speak of, and what is reported beside."""
    found = {}
    for kind in ("local", "docker"):
        if f"{kind}: reset" not in medians:
            continue
        whole = medians[f"{kind}: gold episode"]
        found[f"{kind}: reset, seconds"] = medians[f"{kind}: reset"]
        found[f"{kind}: gold episode beside the tests, seconds"] = whole - medians[HAND]
        found[f"{kind}: gold episode / tests by hand"] = whole / medians[HAND]
        if RUN in medians:
            found[f"{kind}: reset / docker run"] = medians[f"{kind}: reset"] / medians[RUN]
            found[f"{kind}: gold episode / docker run"] = whole / medians[RUN]
    return found


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--rounds", type=int, default=0, help="how often every arm takes its turn")
    parser.add_argument("--image", help="an image with pytest for Docker's arms, in place of one made here")
    parser.add_argument("--no-docker", action="store_true", help="leave Docker's arms out")
    options = parser.parse_args()
    rounds = options.rounds or (5 if options.quick else 15)
    console = Console(stderr=True)
    task = load_suite("swe/bundled")[TASK]
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        image = None if options.no_docker else options.image or docker_image(stack, console)
        local = stack.enter_context(SWEEnv(split=None))
        arms = [Arm(HAND, by_hand(task, Path(folder) / "repo")), Arm("local", episode(local, "local"))]
        if image is not None:
            contained = stack.enter_context(SWEEnv(split=None, sandbox="docker", image=image))
            arms += [Arm(RUN, docker_run(image)), Arm("docker", episode(contained, "docker"))]
        medians = measure(arms, rounds, console)
    table = Table(title=f"{TASK}: seconds, medians of {rounds} rounds")
    for column in ("what", "seconds"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, seconds in medians.items():
        table.add_row(name, f"{seconds:.3f}")
    Console().print(table)
    found = figures(medians)
    targets = {f"{name} at most {limit}": found[name] <= limit for name, limit in TARGETS.items() if name in found}
    for name, value in found.items():
        limit = TARGETS.get(name)
        mark = "" if limit is None else "met" if value <= limit else "MISSED"
        Console().print(f"{name}: {value:.3f} {mark}", highlight=False)
    print(json.dumps({"benchmark": "swe", "medians": medians, "figures": found, "targets": targets}))
    return 0 if all(targets.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
