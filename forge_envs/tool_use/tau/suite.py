"""tau-bench as task suites, named by a text such as ``tau:DIR``, ``tau:DIR#airline`` or ``tau2:DIR#retail``."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from forge_envs.core.errors import ConfigError, TaskError
from forge_envs.core.task import Task, TaskSuite
from forge_envs.tool_use.tau.data import DOMAINS, SPLITS, TauTask, load_tasks, load_world
from forge_envs.tool_use.tau.grading import RESPOND, judge

SCHEMES: dict[str, str] = {"tau": "v1", "tau2": "tau2"}
"""Scheme to version."""


def load_tau(scheme: str, rest: str) -> TaskSuite:
    """Load the suite that ``scheme:rest`` names.

    Args:
        scheme: ``tau`` for tau-bench, ``tau2`` for tau2-bench.
        rest: The data folder (see `load_world`), and after a # the domains, parted by commas; both if there is none.
            Every split that the folder has is a split of the suite: test, train and dev; tau2 has test and train.

    Raises:
        TaskError: The folder has no such tasks, or a file is wrong; ConfigError: no such domain.
    """
    folder, _, named = rest.partition("#")
    domains = tuple(name.strip() for name in named.split(",")) if named else tuple(DOMAINS)
    return _load(Path(folder).resolve(), domains, SCHEMES[scheme])


@lru_cache(maxsize=8)
def _load(folder: Path, domains: Sequence[str], version: str) -> TaskSuite:
    digest = hashlib.sha256()
    tasks: list[Task] = []
    for domain in domains:
        for row, split in _rows(folder, domain, version):
            digest.update(repr(row | {"world": row["world"][1:]}).encode())
            tasks.append(Task(row["id"], row, split, f"tau/{version}/{domain}"))
        digest.update(repr(load_world(folder, domain, version).database).encode())
    if not tasks:
        raise TaskError(f"{folder}: no tasks of {', '.join(domains)} ({version}) there.")
    return TaskSuite(f"tau/{version}", "forge/ToolUse-v0", tuple(tasks), digest.hexdigest())


def _rows(folder: Path, domain: str, version: str) -> Iterator[tuple[dict[str, Any], str]]:
    load_world(folder, domain, version)  # a wrong folder is an error, a missing split is not
    for split in SPLITS:
        try:
            tasks = load_tasks(folder, domain, split, version)
        except ConfigError:
            continue
        for task in tasks.values():
            yield task_row(task), split


def task_row(task: TauTask) -> dict[str, Any]:
    """A task as a row of ``forge/ToolUse-v0``. The benchmark's data is named by folder, not copied."""
    world = task.world
    version = world.version.name
    split = f"-{task.split}" if version == "v1" else ""  # tau2's ids are unique over its splits
    return {
        "id": f"{version}-{world.domain}{split}-{task.id}",
        "benchmark": "tau",
        "template": f"{version}_{world.domain}",
        "difficulty": 3,
        "world": [str(world.folder), world.domain, version],
        "task": [task.split, task.id],
        "instruction": task.instruction,
        "gold": gold_turns(task),
        "noop_reward": judge(task, {}, [""]).reward,
    }


def gold_turns(task: TauTask) -> list[dict[str, Any]]:
    """The gold actions one by one, then a message that says the outputs.

    A transfer to a human ends the episode, so it comes last and replaces that message; but where something has to be
    said it is left out, as upstream's replay of gold leaves it out.
    """
    outputs = list(task.outputs) if "COMMUNICATE" in task.basis else []
    turns, ends = [], []
    for action in task.actions:
        call = {"calls": [{"name": action.name, "arguments": dict(action.arguments)}]}
        if action.name in task.world.version.terminating:
            ends.append(call)
        elif action.name != RESPOND:
            turns.append(call)
    if ends and not outputs:
        return [*turns, ends[0]]
    return [*turns, {"say": f"{', '.join(outputs)}." if outputs else "It is done."}]
