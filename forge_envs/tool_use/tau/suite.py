"""tau-bench as task suites: ``tau:retail@DIR``, ``tau:airline@DIR``, ``tau2:retail@DIR``, ``tau2:airline@DIR``."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from forge_envs.core.errors import ConfigError
from forge_envs.core.task import Task, TaskSuite
from forge_envs.tool_use.tau.data import SPLITS, TauTask, World, load_tasks, load_world
from forge_envs.tool_use.tau.grading import RESPOND, judge


def load(source: str) -> TaskSuite:
    """The suite that a source names.

    Args:
        source: ``tau:`` or ``tau2:``, a domain, ``@`` and a data folder (see `load_world`). Every split that the folder
            has is a split of the suite; tau2 has ``train`` and ``test``.

    Raises:
        ConfigError: The source is not of that form, or names data that is not there.
    """
    scheme, _, rest = source.partition(":")
    domain, at, folder = rest.partition("@")
    if scheme not in ("tau", "tau2") or not at or not folder:
        raise ConfigError(f"{source!r} is no tau-bench suite: write tau:retail@DIR or tau2:airline@DIR.")
    return _load(Path(folder).resolve(), domain, "v1" if scheme == "tau" else "tau2")


@lru_cache(maxsize=8)
def _load(folder: Path, domain: str, version: str) -> TaskSuite:
    world = load_world(folder, domain, version)
    tasks: list[Task] = []
    for split in SPLITS:
        try:
            loaded = load_tasks(folder, domain, split, version)
        except ConfigError:
            continue  # not every domain has every split
        tasks += [Task(row["id"], row, split, f"{version}/{domain}") for row in map(task_row, loaded.values())]
    if not tasks:
        raise ConfigError(f"{folder} has no tasks of {domain} ({version}).")
    digest = hashlib.sha256(repr([(task.id, task.data) for task in tasks]).encode())
    digest.update(repr(world.database).encode())
    return TaskSuite(f"{version}/{domain}", "forge/ToolUse-v0", tuple(tasks), digest.hexdigest())


def task_row(task: TauTask) -> dict[str, Any]:
    """A task as a row of ``forge/ToolUse-v0``. Its domain's data is named by folder, not copied."""
    world = task.world
    outputs = list(task.outputs) if "COMMUNICATE" in task.basis else []
    return {
        "id": _task_id(task),
        "domain": "tau",
        "world": [str(world.folder), world.domain, world.version.name],
        "template": f"{world.version.name}_{world.domain}",
        "difficulty": 3,
        "instruction": task.instruction,
        "user": [],
        "state": {},
        "gold": gold_turns(task, outputs),
        "outputs": outputs,
        "noop_reward": judge(task, {}, [""]).reward,
    }


def gold_turns(task: TauTask, outputs: list[str]) -> list[dict[str, Any]]:
    """The gold actions one by one, then a message that says the outputs.

    The final message is left out where gold transfers to a human, which ends the episode; but if something has to be
    said, it is said instead, since upstream's reward ignores transfers.
    """
    ends = [a for a in task.actions if a.name in task.world.version.terminating]
    turns = [
        {"calls": [{"name": a.name, "arguments": dict(a.arguments)}]}
        for a in task.actions
        if a not in ends and a.name != RESPOND
    ]
    if ends and not outputs:
        return [*turns, {"calls": [{"name": ends[0].name, "arguments": dict(ends[0].arguments)}]}]
    return [*turns, {"say": ", ".join(outputs) + "." if outputs else "It is done."}]


def _task_id(task: TauTask) -> str:
    world: World = task.world
    middle = f"-{task.split}" if world.version.name == "v1" else ""
    return f"{world.version.name}-{world.domain}{middle}-{task.id}"
