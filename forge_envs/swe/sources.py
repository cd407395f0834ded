"""Where the repository of a task is found."""

import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from forge_envs.core.errors import ConfigError, TaskError
from forge_envs.core.task import Task, tasks_root
from forge_envs.swe.gitcmd import git
from forge_envs.swe.repository import Prepared, Repository, prepare

_ORIGIN = re.compile(r"swesmith/([A-Za-z0-9_.-]+?)__([A-Za-z0-9_.-]+)\.([0-9a-f]{7,40})\Z")


def locate(task: Task, *, suites: Iterable[str | Path] = (), mirrors: str | Path | None = None) -> Repository:
    """The repository of a task at its base commit.

    A row with the field ``repository`` has it as a folder of its suite, to which ``bug_patch`` is applied. Any other
    row has it among the mirrors: ``owner__name.git``, ``owner__name`` or ``owner/name``, bare or not. A SWE-smith row
    without a base commit has it as a mirror of ``swesmith/...`` at its HEAD, or of the repository that it was made of.

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
    bug = row.get("bug_patch") or ""
    if mirrors is None:
        raise ConfigError(f"Task {task.id!r} needs a clone of {row['repo']}: give mirrors=, the folder that holds it.")
    places = _places(Path(mirrors), str(row["repo"]))
    for place in places:
        if place.is_dir():
            return Repository(str(place), row.get("base_commit") or _commit(place, "HEAD"), bug)
    origin = _ORIGIN.match(str(row["repo"]))
    if origin:  # SWE-smith: its copy of a repository has the files that the repository has at that commit
        upstream = _places(Path(mirrors), f"{origin[1]}/{origin[2]}")
        for place in upstream:
            if place.is_dir():
                return Repository(str(place), _commit(place, origin[3]), bug)
        places += upstream
    raise ConfigError(f"Task {task.id!r} needs a clone of {row['repo']} at one of {_listed(places)}.")


def prepared_for(task: Task, *, suites: Iterable[str | Path] = (), mirrors: str | Path | None = None) -> Prepared:
    """`locate`, then `prepare`.

    Raises:
        TaskError: What was prepared is not the row's ``base_commit``; and as `locate` and `prepare`.
    """
    prepared = prepare(locate(task, suites=suites, mirrors=mirrors))
    base = task.data.get("base_commit")
    if base and prepared.head != base:
        raise TaskError(f"Task {task.id!r}: base_commit: the row says {base}, not {prepared.head}.")
    return prepared


def _places(mirrors: Path, repo: str) -> list[Path]:
    flat = repo.replace("/", "__")
    return [mirrors / name for name in (f"{flat}.git", flat, repo)]


def _commit(place: Path, name: str) -> str:
    """The whole hash of what a mirror calls by a short hash or a name."""
    with tempfile.TemporaryDirectory() as scratch:
        found = git(
            "rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}", folder=place, scratch=Path(scratch)
        )
    return found.decode().strip()


def _listed(places: Iterable[Path]) -> str:
    return ", ".join(str(place) for place in places)
