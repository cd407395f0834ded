"""Many environments of forge/SWE-v0 in one process, all of them open at the same moment, through the rollout engine.

    python benchmarks/swe_many.py [--envs N] [--native]

Every episode is gold. No agent gets its first turn before each has its workspace. Afterwards nothing may be left: no
process, no thread of an environment, no open file. The last line is one JSON object; the exit code is 1 when an episode
was not resolved or something is left.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from forge_envs.core.task import load_suite
from forge_envs.swe.env import SWEEnv
from forge_train.policies.base import Reply, Request
from forge_train.policies.scripted import ScriptedPolicy
from forge_train.rollout.engine import EngineLimits, Job, Rollout, run_episodes

SETTLED_S = 20.0
"""Seconds in which what is left has to go: the sandboxes' factory ends 2 s after the last of them."""


class Gate:
    """Gold, but every first turn waits for all the others'."""

    name = "gold"

    def __init__(self, inner: ScriptedPolicy, most: int):
        """`most` episodes wait for each other; the clock runs from `begin`."""
        self.renderer, self._inner, self._missing = inner.renderer, inner, most
        self._open: asyncio.Event | None = None
        self.waited_s = 0.0
        self._start = 0.0

    async def act(self, request: Request) -> Reply:
        """The script's next turn."""
        self._open = self._open or asyncio.Event()
        if request.turn == 0:
            self._missing -= 1
            if self._missing == 0:
                self.waited_s = time.perf_counter() - self._start
                self._open.set()
            await self._open.wait()
        return await self._inner.act(request)

    def begin(self) -> None:
        """Start the clock."""
        self._start = time.perf_counter()

    async def aclose(self) -> None:
        """Nothing to stop."""


def counts() -> dict[str, int]:
    """Open files, threads and processes (children and theirs) of this process."""
    found: set[int] = set()
    more = [os.getpid()]
    while more:
        with contextlib.suppress(OSError):  # it has just ended
            for task in Path(f"/proc/{more.pop()}/task").glob("*/children"):
                more += [int(child) for child in task.read_text().split()]
        found |= {*more}
    return {"files": len(os.listdir("/proc/self/fd")), "threads": threading.active_count(), "processes": len(found)}


@contextmanager
def peaks() -> Iterator[dict[str, int]]:
    """The most of everything while it lasts."""
    most, stop = counts(), threading.Event()

    def look() -> None:
        while not stop.wait(0.1):
            for name, count in counts().items():
                most[name] = max(most[name], count)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        stop.set()
        thread.join()


def left(before: dict[str, int]) -> dict[str, int]:
    """What there is more of than before, once it has had time to go."""
    until = time.monotonic() + SETTLED_S
    while True:
        gc.collect()
        more = {name: count - before[name] for name, count in counts().items() if count > before[name]}
        if not more or time.monotonic() > until:
            return more
        time.sleep(0.2)


def run(envs: int, make: Callable[[], SWEEnv]) -> tuple[list[Rollout], dict[str, object]]:
    """Play so many episodes at once, and what they needed."""
    tasks = [task.id for task in load_suite("swe/bundled")]
    with make() as env:  # prepares what the tasks stand on
        for task in tasks:
            env.reset(seed=0, options={"task": task})
        gate = Gate(ScriptedPolicy.gold(env), envs)
    gc.collect()
    time.sleep(3)  # the factory of that environment's sandboxes ends
    before = counts()
    jobs = [Job(tasks[number % len(tasks)], index=number) for number in range(envs)]
    start = time.perf_counter()
    gate.begin()
    with peaks() as most:
        rollouts = run_episodes(make, gate, jobs, limits=EngineLimits(concurrency=envs, policy_timeout=300.0))
    whole = time.perf_counter() - start
    facts = {"all_open_s": gate.waited_s, "whole_s": whole, "most": most, "left": left(before)}
    return rollouts, facts


def main() -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envs", type=int, default=64, help="how many at once")
    parser.add_argument("--native", action="store_true", help="tool calls, each environment with a shell that lasts")
    options = parser.parse_args()
    protocol = {"protocol": "hermes"} if options.native else {}
    rollouts, facts = run(options.envs, lambda: SWEEnv(split=None, **protocol))
    resolved = sum(one.episode.end.status == "completed" and one.episode.reward == 1.0 for one in rollouts)
    failures = sorted({str(one.episode.end.error) for one in rollouts if one.episode.end.status == "failed"})
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    about = {"envs": options.envs, "resolved": resolved, "failures": failures, "limit_of_files": limit}
    print(json.dumps({"benchmark": "swe_many", **about, **facts}))
    return 0 if resolved == options.envs and not facts["left"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
