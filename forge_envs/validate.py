"""Checks of a task suite: every task is played, by gold and by an agent that does nothing."""

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium

import forge_envs  # noqa: F401  registers the environment ids
from forge_envs.core.env import ForgeEnv
from forge_envs.core.errors import ConfigError, ForgeError, TaskError
from forge_envs.core.task import Task, load_suite


@dataclass(frozen=True)
class TaskFault:
    """One thing that is wrong with a suite.

    Args:
        suite: The suite as it was named.
        task_id: The task, or an empty text where the suite could not be loaded.
        check: ``load``, ``gold``, ``deterministic``, ``noop``, ``stepwise``, or one of the environment's own, such as
            ``outputs`` of tool use.
        detail: One sentence.
    """

    suite: str
    task_id: str
    check: str
    detail: str


@dataclass(frozen=True)
class SuiteReport:
    """What `validate_suite` found.

    Args:
        suite: The suite as it was named.
        tasks: How many tasks were played: all, or the sample.
        faults: Everything that is wrong; empty for a sound suite.
    """

    suite: str
    tasks: int
    faults: tuple[TaskFault, ...]


def validate_suite(
    source: str | Path,
    *,
    python: str | Path | None = None,
    sample: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> SuiteReport:
    """Load a suite and play each of its tasks.

    The rows obey their schema and no id occurs twice (the loader sees to it); gold earns 1.0 and ends the episode with
    its last turn; a second replay of gold sees and earns exactly the same, also in another process with other hashes;
    an agent that answers with empty texts earns the task's `noop_reward`; in step-wise mode each gold turn that can be
    scored earns 1.0; the environment has no doubts of its own.

    Args:
        source: A bundled suite's name or a suite folder.
        python: A virtual environment for the tasks' tests; only for environments that take it (``forge/SWE-v0``).
        sample: Play only so many tasks, drawn at random; the whole suite is loaded all the same.
        seed: Of the drawing.
        progress: Called with the number of tasks done and their total.

    Raises:
        ConfigError: The sample is empty.
    """
    if sample is not None and sample < 1:
        raise ConfigError(f"sample is {sample}: draw at least 1 task.")
    name = str(source)
    try:
        suite = load_suite(source)
        env = _make(suite.env, source, python)
    except ForgeError as error:
        return SuiteReport(name, 0, (TaskFault(name, "", "load", str(error)),))
    faults: list[TaskFault] = []
    digests: dict[str, str] = {}
    with env:
        chosen = list(suite) if sample is None else random.Random(seed).sample(list(suite), min(sample, len(suite)))
        for done, task in enumerate(chosen, start=1):
            faults += [TaskFault(name, task.id, check, detail) for check, detail in _check_task(env, task, digests)]
            if progress is not None:
                progress(done, len(chosen))
    faults += [
        TaskFault(name, task_id, "deterministic", detail) for task_id, detail in _compare(source, digests, python)
    ]
    return SuiteReport(name, len(chosen), tuple(faults))


def gold_digests(source: str | Path, task_ids: set[str], python: str | None = None) -> dict[str, str]:
    """A digest of all that replaying gold shows, for each of the named tasks of a suite."""
    suite = load_suite(source)
    env = _make(suite.env, source, python)
    base = env.unwrapped
    assert isinstance(base, ForgeEnv)
    digests = {t.id: _digest(_play(env, t, base.gold_actions(t))) for t in suite if t.id in task_ids}
    env.close()
    return digests


def _compare(source: str | Path, digests: dict[str, str], python: str | Path | None) -> Iterator[tuple[str, str]]:
    """Replay gold in another process, whose strings have other hashes; yield (task, what differs)."""
    if not digests:
        return
    code = "import json, sys; from forge_envs.validate import gold_digests as g; ids = set(json.load(sys.stdin))\n"
    code += "print(json.dumps(g(sys.argv[1], ids, *sys.argv[2:])))"
    other = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, str(source), *([] if python is None else [str(python)])],
        input=json.dumps(sorted(digests)),
        env={**os.environ, "PYTHONHASHSEED": other, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        yield "", f"gold can't be replayed in another process: {done.stderr.strip()[-300:]}"
        return
    again = json.loads(done.stdout.splitlines()[-1])
    for task_id in (task_id for task_id, digest in digests.items() if again.get(task_id) != digest):
        yield task_id, "gold differs in another process; does something depend on the order of a set?"


def _digest(played: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(played, default=str).encode()).hexdigest()


def _make(env_id: str, source: str | Path, python: str | Path | None = None) -> gymnasium.Env[Any, Any]:
    given: dict[str, Any] = {} if python is None else {"python": str(python)}
    if given and env_id != "forge/SWE-v0":
        raise ConfigError(f"The suite's environment {env_id} runs no tests with a Python of one's own: leave it out.")
    try:
        env = gymnasium.make(env_id, suite=str(source), split=None, disable_env_checker=True, **given)
    except gymnasium.error.Error as error:
        raise ConfigError(f"The suite's environment {env_id!r} is not registered: {error}") from error
    if not isinstance(env.unwrapped, ForgeEnv):
        raise ConfigError(f"The suite's environment {env_id!r} is not a ForgeEnv, so its tasks can't be replayed.")
    return env


def _check_task(env: gymnasium.Env[Any, Any], task: Task, digests: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield (check, detail) for everything that is wrong with one task; its replay's digest is added if all is well."""
    base = env.unwrapped
    assert isinstance(base, ForgeEnv)
    check = "gold"
    try:
        gold = base.gold_actions(task)
        first = _play(env, task, gold)
        if first["reward"] != 1.0:
            yield check, f"gold earns {first['reward']}, not 1.0: {_why(first)}"
        if first["left"]:
            yield check, f"the episode ends {first['left']} turn(s) before the last gold turn"
        elif not first["ended"]:
            yield check, "the episode goes on after the last gold turn"
        check = "deterministic"
        if _play(env, task, gold) != first:
            yield check, "a second replay of gold differs from the first"
        else:
            digests[task.id] = _digest(first)
        check = "doubts"
        yield from base._doubts(task, base._gold(task), [observation for observation, _ in first["seen"]])
        check = "noop"
        nothing = _play(env, task, [""] * base.max_steps)
        if nothing["reward"] != task.noop_reward:
            yield check, f"doing nothing earns {nothing['reward']}, but noop_reward is {task.noop_reward}"
        check = "stepwise"
        for turn, action in enumerate(gold):
            reward = _score_turn(env, task, turn, action)
            if reward not in (None, 1.0):
                yield check, f"gold turn {turn} earns {reward}, not 1.0"
    except Exception as error:  # A task may run any environment's code; one bad task must not hide the others.
        yield check, f"{type(error).__name__}: {error}"


def _play(env: gymnasium.Env[Any, Any], task: Task, actions: list[str]) -> dict[str, Any]:
    """Play actions until the episode ends; if they run out first, it is graded as it stands."""
    observation, info = env.reset(seed=0, options={"task": task, "reward": "outcome"})
    seen = [(observation, info)]
    played, over = 0, False
    while played < len(actions) and not over:
        observation, _, terminated, truncated, info = env.step(actions[played])
        seen.append((observation, info))
        played, over = played + 1, terminated or truncated
    if not over:
        base = env.unwrapped
        assert isinstance(base, ForgeEnv)
        info = base.truncate("max_steps")[-1]
        seen.append(((), info))
    return {"reward": info["verdict"]["reward"], "left": len(actions) - played, "ended": over, "seen": seen}


def _why(played: dict[str, Any]) -> str:
    verdict = played["seen"][-1][1]["verdict"]
    return f"components {verdict['components']}, details {verdict['details']}"


def _score_turn(env: gymnasium.Env[Any, Any], task: Task, turn: int, action: str) -> float | None:
    """The step-wise reward of one gold turn; None if that turn is not one that step-wise mode scores."""
    try:
        env.reset(seed=0, options={"task": task, "reward": "stepwise", "turn": turn})
    except (ConfigError, TaskError):
        return None
    return float(env.step(action)[1])
