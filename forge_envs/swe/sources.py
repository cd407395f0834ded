"""Where the repository of a task is found."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from forge_envs.core.errors import ConfigError, TaskError
from forge_envs.core.task import Task, tasks_root
from forge_envs.swe.repository import Prepared, Repository, prepare


def locate(task: Task, *, suites: Iterable[str | Path] = (), mirrors: str | Path | None = None) -> Repository:
    """The repository of a task at its base commit.

    A row with the field ``repository`` has it as a folder of its suite, to which ``bug_patch`` is applied. Any other
    row has it among the mirrors: ``owner__name.git``, ``owner__name`` or ``owner/name``, bare or not.

    Args:
        task: With a row of `SWETask`.
        suites: Suites as they were named; folders among them are searched, then the bundled suites.
        mirrors: A folder of git repositories.

    Raises:
        ConfigError, TaskError: It is not there; the message says where it was looked for.
    """
    row: Any = task.data
    if "repository" in row:
        folders = [*(Path(suite) for suite in suites if Path(suite).is_dir()), tasks_root() / task.suite]
        for folder in folders:
            if (folder / row["repository"]).is_dir():
                return Repository(str(folder / row["repository"]), None, row.get("bug_patch") or "")
        raise TaskError(f"Task {task.id!r}: repository: no folder {row['repository']!r} in {_listed(folders)}.")
    if mirrors is None:
        raise ConfigError(f"Task {task.id!r} needs a clone of {row['repo']}: give mirrors=, the folder that holds it.")
    flat = str(row["repo"]).replace("/", "__")
    places = [Path(mirrors) / name for name in (f"{flat}.git", flat, str(row["repo"]))]
    for place in places:
        if place.is_dir():
            return Repository(str(place), row["base_commit"])
    raise ConfigError(f"Task {task.id!r} needs a clone of {row['repo']} at one of {_listed(places)}.")


def prepared_for(task: Task, *, suites: Iterable[str | Path] = (), mirrors: str | Path | None = None) -> Prepared:
    """`locate`, then `prepare`.

    Raises:
        TaskError: What was prepared is not the row's ``base_commit``; and as `locate` and `prepare`.
    """
    prepared = prepare(locate(task, suites=suites, mirrors=mirrors))
    if prepared.head != task.data["base_commit"]:
        raise TaskError(f"Task {task.id!r}: base_commit: the row says {task.data['base_commit']}, not {prepared.head}.")
    return prepared


def _listed(places: Iterable[Path]) -> str:
    return ", ".join(str(place) for place in places)
