"""Grading dialogues that were made elsewhere: one JSON line is one episode."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from forge_envs.core.errors import ForgeError, TaskError
from forge_envs.tool_use.tau.data import TauTask, load_tasks
from forge_envs.tool_use.tau.grading import RESPOND, judge, open_backend


def grade_lines(lines: Iterable[bytes | str], folder: str | Path) -> Iterator[dict[str, Any]]:
    """Grade episodes; a line that can't be graded gives an error and the rest go on.

    Args:
        lines: JSON objects with ``domain``, ``split``, ``task_index`` or ``task_id``, ``version`` (``v1`` or ``tau2``)
            and ``steps``. Empty lines are skipped.
        folder: The data folder, see `load_world`.

    Yields:
        For each line what `grade_episode` gives, or ``{"line": number, "error": sentence}``; numbers start at 1.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield grade_episode(_parse(line), folder)
        except (ForgeError, ValueError, RecursionError) as error:
            yield {"line": number, "error": f"line {number}: {error}"}


def grade_episode(row: Mapping[str, Any], folder: str | Path) -> dict[str, Any]:
    """Play the steps of one episode and grade it by upstream's rule.

    A step is ``{"name", "kwargs"}``, a tool call; ``{"name": "respond", "kwargs": {"content": text}}`` or
    ``{"say": text}``, a text to the user. ``"user_reply"`` beside a text is what the user then said.

    In v1 the episode ends with a terminating tool or with a reply that holds ``###STOP###``; steps after that are not
    played, and an episode that never ends earns 0. In tau2 a file holds finished dialogues: the episode is over when
    its steps are (or when a reply holds one of tau2's three stop tokens).

    Args:
        row: A line, decoded.
        folder: The data folder.

    Returns:
        ``reward``, ``done``, ``db_match``, ``outputs_match``; the last two also for an episode that never ended.

    Raises:
        TaskError: A field is missing or of the wrong type; ConfigError: it names something that does not exist.
    """
    task = find_task(row, folder)
    version = task.world.version
    steps = _field(row, "steps", list)
    backend = open_backend(task.world)
    said: list[str] = []
    done = False
    for position, step in enumerate(steps):
        where = f"steps[{position}]"
        if not isinstance(step, Mapping):
            raise TaskError(f"{where}: a step is an object, not {type(step).__name__}")
        text, name, arguments = _read_step(step, where)
        reply = step.get("user_reply") or ""
        if not isinstance(reply, str):
            raise TaskError(f"{where}: user_reply is text, not {type(reply).__name__}")
        if text is not None:
            said.append(text)
            done = any(token in reply for token in version.stop_tokens)
        else:  # nobody asks the user then, whatever stands beside the call
            backend.call(name, arguments)
            done = name in version.terminating
        if done:
            break
    done = done or version.typed
    verdict = judge(task, backend.tables.changes(), said)
    return {
        "reward": verdict.reward if done else 0.0,
        "done": done,
        "db_match": verdict.db_match,
        "outputs_match": verdict.outputs_match,
    }


def find_task(row: Mapping[str, Any], folder: str | Path) -> TauTask:
    """The task that a line names.

    Raises:
        TaskError, ConfigError: As for `grade_episode`.
    """
    version = _field(row, "version", str, "v1")
    domain = _field(row, "domain", str)
    named = row.get("task_id", row.get("task_index"))
    if isinstance(named, bool) or not isinstance(named, str | int):
        raise TaskError("task_index is a whole number, or task_id a text; one of them is needed")
    # tau2's ids are unique over all splits, so the split adds nothing there.
    split = "base" if version == "tau2" else _field(row, "split", str, "test")
    tasks = load_tasks(folder, domain, split, version)
    if str(named) not in tasks:
        raise TaskError(f"{domain}/{split} ({version}) has no task {named!r} in this data folder")
    return tasks[str(named)]


def _read_step(step: Mapping[str, Any], where: str) -> tuple[str | None, str, Mapping[str, Any]]:
    """The text that was said, or the call's name and arguments."""
    if "say" in step:
        return _field(step, "say", str, where=where), "", {}
    name = _field(step, "name", str, where=where)
    arguments = _field(step, "kwargs", dict, where=where)
    if name == RESPOND:
        return _field(arguments, "content", str, where=f"{where}.kwargs"), "", {}
    return None, name, arguments


def _field(row: Mapping[str, Any], name: str, kind: type, default: Any = None, where: str = "") -> Any:
    value = row.get(name, default)
    if not isinstance(value, kind):
        words = {"str": "text", "list": "a list", "dict": "an object"}[kind.__name__]
        prefix = f"{where}: " if where else ""
        missing = "is missing" if name not in row else f"is {words}, not {type(value).__name__}"
        raise TaskError(f"{prefix}{name} {missing}")
    return value


def _parse(line: bytes | str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise TaskError(f"not JSON: {error}") from error
    if not isinstance(row, dict):
        raise TaskError(f"a line is an object, not {type(row).__name__}")
    return row
