"""Loading the benchmark's data: databases, tasks, policy and tool schemas of one domain."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from forge_envs.core.errors import ConfigError, TaskError
from forge_envs.tool_use.tau.tables import Database
from forge_envs.tool_use.tau.upstream_source import read_schemas, read_tasks
from forge_envs.tool_use.tau.version import TauVersion, get_version

DOMAINS: dict[str, tuple[str, ...]] = {
    "retail": ("orders", "products", "users"),
    "airline": ("flights", "reservations", "users"),
}
"""Domain to the tables of its database."""
SPLITS = ("test", "train", "dev")


@dataclass(frozen=True)
class Action:
    """One gold action."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class TauTask:
    """One task of the benchmark, of either version.

    Args:
        id: v1: the position in upstream's list, as text; tau2: upstream's id.
        split: The split it was loaded from.
        world: The domain it is played in.
        instruction: What the simulated user is told.
        actions: The gold actions.
        outputs: Texts that the agent must say.
        basis: What the reward multiplies: ``DB`` and ``COMMUNICATE`` are decided here.
        nl_assertions: Sentences that upstream's language-model judge decides.
    """

    id: str
    split: str
    world: "World"
    instruction: str
    actions: tuple[Action, ...]
    outputs: tuple[str, ...]
    basis: frozenset[str] = frozenset({"DB", "COMMUNICATE"})
    nl_assertions: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class World:
    """A domain of one version as loaded: shared by every episode and never changed.

    Args:
        folder: The data folder it comes from.
        domain: ``retail`` or ``airline``.
        version: Whose behaviour.
        database: Table to records by key.
        policy: What the agent is told.
        user_guidelines: What tau2 tells every simulated user; empty in v1.
    """

    folder: Path
    domain: str
    version: TauVersion
    database: Database
    policy: str
    user_guidelines: str

    @property
    def schemas(self) -> list[dict[str, Any]]:
        """OpenAI schemas of the tools, as upstream's package reports them. Treat them as read-only.

        Raises:
            ConfigError: The data has none.
        """
        return _schemas(self.folder, self.domain, self.version.name)


def load_world(folder: str | Path, domain: str, version: str = "v1") -> World:
    """Load a domain; a second call with the same arguments gives the same object.

    Args:
        folder: A data folder: one laid out as ``{domain}/db/*.json``, ``{domain}/tasks_{split}.json`` and
            ``tau2/{domain}/{db,tasks}.json``, or a checkout of upstream's repository.
        domain: ``retail`` or ``airline``.
        version: ``v1`` or ``tau2``.

    Raises:
        ConfigError: No such domain or version, or the folder holds no data of it.
        TaskError: A file is broken.
    """
    return _load_world(Path(folder).resolve(), domain, get_version(version))


def load_tasks(folder: str | Path, domain: str, split: str = "test", version: str = "v1") -> Mapping[str, TauTask]:
    """The tasks of a split by id, in upstream's order; a second call gives the same objects.

    Args:
        folder, domain, version: As for `load_world`.
        split: v1: ``test``, ``train`` or ``dev``; tau2: a split of ``split_tasks.json``, or ``base`` for all.

    Raises:
        ConfigError, TaskError: As for `load_world`.
    """
    world = load_world(folder, domain, version)
    return _load_typed(world, split) if world.version.typed else _load_plain(world, split)


@lru_cache(maxsize=16)
def _load_world(folder: Path, domain: str, version: TauVersion) -> World:
    if domain not in DOMAINS:
        raise ConfigError(f"Unknown tau-bench domain {domain!r}: use one of {list(DOMAINS)}.")
    home = _home(folder, domain, version)
    if version.typed:
        from forge_envs.tool_use.tau.records import normalised

        file = next((home / name for name in ("db.json", "db.reconstructed.json") if (home / name).is_file()), None)
        if file is None:
            raise ConfigError(f"{home} has no db.json.")
        try:
            database = normalised(domain, _json(file))
        except ValueError as error:
            raise TaskError(f"{file}: {str(error)[:300]}") from error
        guidelines = home.parent / "user_simulator", home.parents[1] / "user_simulator"
        said = next((p for g in guidelines if (p := g / "simulation_guidelines.md").is_file()), None)
        return World(folder, domain, version, database, _text(home / "policy.md"), _text(said) if said else "")
    place = next((home / name for name in ("db", "data") if (home / name).is_dir()), home)
    database = {table: _json(place / f"{table}.json") for table in DOMAINS[domain]}
    return World(folder, domain, version, database, _text(home / "wiki.md"), "")


def _home(folder: Path, domain: str, version: TauVersion) -> Path:
    """The folder that holds a domain's files, in a data folder or in a checkout of upstream."""
    below = ("tau2", "data/tau2/domains", ".") if version.typed else (".", "tau_bench/envs", "envs")
    marker = "tasks.json" if version.typed else "wiki.md"
    for place in below:
        if (folder / place / domain / marker).is_file():
            return folder / place / domain
    searched = ", ".join(f"{place}/{domain}/{marker}" for place in below)
    raise ConfigError(f"{folder} holds no tau-bench {version.name} data of {domain}: looked for {searched}.")


@lru_cache(maxsize=32)
def _load_plain(world: World, split: str) -> Mapping[str, TauTask]:
    home = _home(world.folder, world.domain, world.version)
    file = home / f"tasks_{split}.json"
    if split in SPLITS and not file.is_file():
        file = file.with_suffix(".py")  # upstream's own repository: read as data, never run
    if split not in SPLITS or not file.is_file():
        raise ConfigError(f"{home} has no split {split!r} (looked for tasks_{split}.json and .py).")
    rows = _json(file) if file.suffix == ".json" else read_tasks(file)
    with _named(file):
        tasks = [
            TauTask(
                id=str(row.get("index", position)),
                split=split,
                world=world,
                instruction=row["instruction"],
                actions=tuple(Action(one["name"], one["kwargs"]) for one in row["actions"]),
                outputs=tuple(row["outputs"]),
            )
            for position, row in enumerate(rows)
        ]
    return {task.id: task for task in tasks}


@lru_cache(maxsize=32)
def _load_typed(world: World, split: str) -> Mapping[str, TauTask]:
    home = _home(world.folder, world.domain, world.version)
    rows = _json(home / "tasks.json")
    if split != "base":
        splits = _json(home / "split_tasks.json")
        if split not in splits:
            raise ConfigError(f"{home} has no split {split!r}: use one of {sorted(splits)}.")
        rows = [row for row in rows if row["id"] in set(splits[split])]
    with _named(home / "tasks.json"):
        return {row["id"]: _typed_task(row, split, world) for row in rows}


def _typed_task(row: Mapping[str, Any], split: str, world: World) -> TauTask:
    criteria = row["evaluation_criteria"]
    if row.get("initial_state"):
        raise TaskError(f"task {row['id']}: initial_state is not supported")
    return TauTask(
        id=row["id"],
        split=split,
        world=world,
        instruction=scenario_text(row["user_scenario"]),
        actions=tuple(Action(one["name"], one["arguments"]) for one in criteria["actions"] or ()),
        outputs=tuple(criteria["communicate_info"] or ()),
        basis=frozenset(criteria["reward_basis"]),
        nl_assertions=tuple(criteria["nl_assertions"] or ()),
    )


def scenario_text(scenario: Mapping[str, Any]) -> str:
    """A tau2 scenario as the simulated user reads it: the given fields under their names, indented."""
    told = scenario["instructions"]
    if isinstance(told, str):
        return told
    names = (
        ("Domain", "domain"),
        ("Reason for call", "reason_for_call"),
        ("Known info", "known_info"),
        ("Unknown info", "unknown_info"),
        ("Task instructions", "task_instructions"),
    )
    parts = [f"{title}:\n{_indented(told[name])}" for title, name in names if told.get(name)]
    persona = [f"Persona:\n{_indented(scenario['persona'])}"] if scenario.get("persona") else []
    return "\n".join([*persona, *parts])


def _indented(text: str) -> str:
    return "\n".join(f"\t{line}" for line in text.splitlines())


@lru_cache(maxsize=16)
def _schemas(folder: Path, domain: str, version: str) -> list[dict[str, Any]]:
    home = _home(folder, domain, get_version(version))
    if (home / "tools.json").is_file():
        found: list[dict[str, Any]] = _json(home / "tools.json")
        return found
    sources: Sequence[Path] = sorted((home / "tools").glob("*.py"))
    if not sources:
        raise ConfigError(f"{home} has no tools.json: put the OpenAI schemas of the domain's tools there.")
    return read_schemas(sources)


def _json(file: Path) -> Any:
    try:
        return json.loads(_text(file))
    except ValueError as error:
        raise TaskError(f"{file}: not JSON: {error}") from error


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}.") from error


class _named:
    """Turns what a malformed row raises into a `TaskError` that names the file."""

    def __init__(self, file: Path):
        self._file = file

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, KeyError | TypeError | AttributeError):
            raise TaskError(f"{self._file}: a task has no field {error}") from error
        if isinstance(error, TaskError):
            raise TaskError(f"{self._file}: {error}") from error
