"""Tasks and task suites: data, checked against a JSON Schema when loaded."""

import hashlib
import json
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from forge_envs.core.errors import TaskError


@dataclass(frozen=True)
class Task:
    """One task. What is particular to an environment is in `data`, as its suite's schema says.

    Args:
        id: Unique within its suite.
        data: The task's row as read from the file. Treat it as read-only: it is shared.
        split: The split it belongs to.
        suite: The suite it comes from.
    """

    id: str
    data: Mapping[str, Any]
    split: str = "train"
    suite: str = ""

    @property
    def difficulty(self) -> int:
        """1 is easy; 0 where the row says nothing."""
        return int(self.data.get("difficulty", 0))

    @property
    def noop_reward(self) -> float:
        """The outcome reward of an agent that does nothing."""
        return float(self.data.get("noop_reward", 0.0))


@dataclass(frozen=True)
class TaskSuite:
    """Tasks with the name and the content hash of the suite they come from.

    Args:
        name: As in `suite.toml`, for example ``tool_use/library``.
        env: The id of the environment that runs its tasks.
        tasks: In file order.
        hash: SHA-256 of the suite's files; recorded in every episode.
    """

    name: str
    env: str
    tasks: tuple[Task, ...]
    hash: str

    def __len__(self) -> int:
        return len(self.tasks)

    def __iter__(self) -> Iterator[Task]:
        return iter(self.tasks)

    def __getitem__(self, key: int | str) -> Task:
        """A task by its index or by its id.

        Raises:
            TaskError: There is none.
        """
        if isinstance(key, str):
            for task in self.tasks:
                if task.id == key:
                    return task
            raise TaskError(f"Unknown task id {key!r} in {self.name}: `forge list {self.name}` prints the ids.")
        if not -len(self.tasks) <= key < len(self.tasks):
            raise TaskError(f"Task index {key} is out of range: {self.name} has {len(self.tasks)} tasks.")
        return self.tasks[key]

    def filter(self, keep: Callable[[Task], bool]) -> "TaskSuite":
        """The suite with only the tasks for which `keep` is true."""
        return replace(self, tasks=tuple(t for t in self.tasks if keep(t)))

    def split(self, name: str) -> "TaskSuite":
        """The suite with only the tasks of one split.

        Raises:
            TaskError: No task has that split.
        """
        found = self.filter(lambda t: t.split == name)
        if not found.tasks:
            raise TaskError(f"{self.name} has no split {name!r}: it has {sorted({t.split for t in self.tasks})}.")
        return found


def choose_task(suite: TaskSuite, wanted: Any, rng: np.random.Generator) -> Task:
    """The task that a reset option names, or a random one where it is None.

    Args:
        suite: Where ids and indices look.
        wanted: An id, an index, a `Task` or None.
        rng: Draws.

    Raises:
        TaskError: There is no such task.
    """
    if wanted is None:
        return suite[int(rng.integers(len(suite)))]
    if isinstance(wanted, Task):
        return wanted
    if isinstance(wanted, str):
        return suite[wanted]
    if isinstance(wanted, Integral) and not isinstance(wanted, bool):
        return suite[int(wanted)]
    raise TaskError(f"The reset option 'task' is an id, an index or a Task, not {type(wanted).__name__}.")


SCHEMES: dict[str, str] = {
    "bfcl": "forge_envs.tool_use.bfcl.suite:load_bfcl",
    "bfcl-upstream": "forge_envs.tool_use.bfcl.suite:load_bfcl",
    "tau": "forge_envs.tool_use.tau.suite:load_tau",
    "tau2": "forge_envs.tool_use.tau.suite:load_tau",
    "swebench": "forge_envs.swe.task:load_swebench",
}
"""Suites made from other projects' files: ``scheme:rest`` is loaded by the function, given scheme and rest."""


def tasks_root() -> Path:
    """Where the bundled suites are: `tasks/` of a checkout, `forge_envs/_tasks` of an installed package."""
    package = Path(__file__).resolve().parents[1]
    checkout = package.parent / "tasks"
    return checkout if (checkout / "schemas").is_dir() else package / "_tasks"


def bundled_suites() -> list[str]:
    """Names of the bundled suites, sorted."""
    root = tasks_root()
    return sorted(str(p.parent.relative_to(root)) for p in root.glob("*/*/suite.toml"))


def load_suite(source: str | Path | Sequence[str | Path]) -> TaskSuite:
    """Load one suite, or several as one.

    Args:
        source: A bundled suite's name (``tool_use/library``), a suite folder, a text that begins with one of `SCHEMES`
            (``bfcl:DIR``), or a list of these.

    Raises:
        TaskError: No such suite, or a file of it is wrong; the message names the file, the line and the field.
    """
    if isinstance(source, str | Path):
        scheme, found, rest = str(source).partition(":")
        if found and scheme in SCHEMES:
            module, _, name = SCHEMES[scheme].partition(":")
            loaded: TaskSuite = getattr(import_module(module), name)(scheme, rest)
            return loaded
        return _load_folder(_find_folder(source))
    suites = [load_suite(one) for one in source]
    if not suites:
        raise TaskError("No suite was named; give at least one.")
    if len({s.env for s in suites}) > 1:
        raise TaskError(f"Suites of different environments can't be joined: {sorted({s.env for s in suites})}.")
    tasks = tuple(task for suite in suites for task in suite.tasks)
    _refuse_duplicates(tasks, Path("+".join(s.name for s in suites)))
    joined = hashlib.sha256("".join(s.hash for s in suites).encode()).hexdigest()
    return TaskSuite("+".join(s.name for s in suites), suites[0].env, tasks, joined)


def _find_folder(source: str | Path) -> Path:
    for folder in (Path(source), tasks_root() / source):
        if (folder / "suite.toml").is_file():
            return folder.resolve()
    raise TaskError(f"No suite {str(source)!r}: give a folder with a suite.toml, or one of {bundled_suites()}.")


@lru_cache(maxsize=32)
def _load_folder(folder: Path) -> TaskSuite:
    manifest = folder / "suite.toml"
    digest = hashlib.sha256(manifest.read_bytes())
    try:
        about = tomllib.loads(manifest.read_text(encoding="utf-8"))
    except ValueError as error:
        raise TaskError(f"{manifest}: {error}") from error
    _checker(_read_schema("suite.schema.json", folder))(about, str(manifest))
    check = _checker(_read_schema(about["schema"], folder))
    tasks: list[Task] = []
    for split, files in about["splits"].items():
        for path in (folder / name for name in files):
            content = _read(path)
            digest.update(content)
            tasks += [Task(row["id"], row, split, about["name"]) for row in _rows(content, path, check)]
    _refuse_duplicates(tasks, folder)
    return TaskSuite(about["name"], about["env"], tuple(tasks), digest.hexdigest())


def _rows(content: bytes, path: Path, check: Callable[[Any, str], None]) -> Iterator[dict[str, Any]]:
    # Lines end with a newline only: a JSON string may hold the other characters that str.splitlines splits at.
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            row = json.loads(line.decode())
        except (ValueError, RecursionError) as error:
            raise TaskError(f"{where}: not JSON: {error}") from error
        check(row, where)
        yield row


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TaskError(f"{path}: {error.strerror}") from error


def _read_schema(name: str, folder: Path) -> Mapping[str, Any]:
    """A schema beside the suite wins over a bundled one of the same name."""
    for path in (folder / name, tasks_root() / "schemas" / name):
        if path.is_file():
            try:
                return json.loads(path.read_text(encoding="utf-8"))
            except ValueError as error:
                raise TaskError(f"{path}: not JSON: {error}") from error
    raise TaskError(f"{folder / 'suite.toml'}: schema: no {name!r} beside it or among the bundled schemas.")


def _checker(schema: Mapping[str, Any]) -> Callable[[Any, str], None]:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    validator = Draft202012Validator(schema)

    def check(value: Any, where: str) -> None:
        fault = best_match(validator.iter_errors(value))
        if fault is not None:
            field = ".".join(str(part) for part in fault.absolute_path) or "(top level)"
            raise TaskError(f"{where}: {field}: {fault.message[:300]}")

    return check


def _refuse_duplicates(tasks: Iterable[Task], where: Path) -> None:
    seen: set[str] = set()
    for task in tasks:
        if task.id in seen:
            raise TaskError(f"{where}: id: {task.id!r} occurs twice.")
        seen.add(task.id)
