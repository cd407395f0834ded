"""Upstream's reward in milliseconds: compare what was written, not the hash of everything.

Upstream replays gold on a fresh database and compares hashes of both whole databases (v1 ``Env.calculate_reward``,
tau2 ``EnvironmentEvaluator``): 0.5 to 0.8 s. Two databases that start as one are equal if and only if the records that
either side wrote are equal, so here only those are compared, by the same rule of equality, and what gold wrote is kept.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from forge_envs.core.errors import ConfigError
from forge_envs.tool_use.tau.airline import Airline
from forge_envs.tool_use.tau.backend import Backend
from forge_envs.tool_use.tau.data import TauTask, World
from forge_envs.tool_use.tau.retail import Retail
from forge_envs.tool_use.tau.tables import Changes, Tables

RESPOND = "respond"
"""v1's name for saying something; a gold action of that name counts as said (upstream's replay appends it)."""
_BACKENDS: dict[str, type[Backend]] = {"retail": Retail, "airline": Airline}


@dataclass(frozen=True)
class TauVerdict:
    """What upstream's rule says.

    Args:
        reward: 0 or 1; the product of what the task's reward basis names.
        db_match: The database equals the one that gold leaves.
        outputs_match: The agent said everything that it had to say.
        differing: ``table/key`` of every record that differs.
        unsaid: Outputs that were not said.
        unjudged: How many assertions upstream would have given to a language model; they don't enter the reward.
    """

    reward: float
    db_match: bool
    outputs_match: bool
    differing: tuple[str, ...]
    unsaid: tuple[str, ...]
    unjudged: int


def open_backend(world: World) -> Backend:
    """A fresh backend over a world; two of them share nothing that can change."""
    return _BACKENDS[world.domain](Tables(world.database), world.version)


@lru_cache(maxsize=8192)
def gold_changes(task: TauTask) -> Changes:
    """The records that the task's gold actions write, from a fresh database. Treat them as read-only.

    Errors of gold actions are swallowed, as upstream does; reads and terminating tools change nothing and are left out.
    """
    backend = open_backend(task.world)
    for action in task.actions:
        if action.name in backend.writes:
            backend.call(action.name, action.arguments)
    return backend.tables.changes()


def judge(task: TauTask, changes: Changes, said: Iterable[str]) -> TauVerdict:
    """Upstream's verdict on an episode that ended.

    Args:
        task: The task.
        changes: The records that the agent wrote (`Tables.changes`).
        said: What the agent said to the user.

    Raises:
        ConfigError: The task's reward basis names something that can't be decided here.
    """
    unknown = task.basis - {"DB", "COMMUNICATE", "NL_ASSERTION"}
    if unknown:
        raise ConfigError(f"Task {task.id}: the reward basis {sorted(unknown)} is not supported.")
    differing = differing_records(task.world, gold_changes(task), changes)
    gold_said = [] if task.world.version.typed else [_content(a.arguments) for a in task.actions if a.name == RESPOND]
    heard = [text.lower().replace(",", "") for text in [*said, *gold_said]]
    # Commas stay in the output itself, as upstream has it.
    unsaid = tuple(output for output in task.outputs if not any(output.lower() in text for text in heard))
    parts = {"DB": not differing, "COMMUNICATE": not unsaid}
    reward = float(all(held for name, held in parts.items() if name in task.basis))
    unjudged = len(task.nl_assertions) if "NL_ASSERTION" in task.basis else 0
    return TauVerdict(reward, not differing, not unsaid, differing, unsaid, unjudged)


def differing_records(world: World, goal: Changes, reached: Changes) -> tuple[str, ...]:
    """``table/key`` of the records that differ between two states of one world, each given by what it wrote."""
    mark = typed_mark if world.version.typed else plain_mark
    found = []
    for table, base in world.database.items():
        ours, theirs = goal.get(table, {}), reached.get(table, {})
        for key in sorted({*ours, *theirs}):
            wanted, got = ours.get(key, base.get(key)), theirs.get(key, base.get(key))
            # A record that only one side has differs; None is no record.
            if wanted is None or got is None or mark(wanted) != mark(got):
                found.append(f"{table}/{key}")
    return tuple(found)


def plain_mark(record: Any) -> str:
    """v1's equality (``to_hashable``, ``consistent_hash``): two values are equal if this text is.

    The order of lists counts and that of keys doesn't; 1, 1.0, True and "1" differ; a list equals a dict of its pairs.
    """
    return repr(_frozen(record))


def typed_mark(record: Any) -> str:
    """tau2's equality (``get_dict_hash``): JSON with sorted keys."""
    return json.dumps(record, sort_keys=True, default=str)


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple((key, _frozen(item)) for key, item in sorted(value.items()))
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    return value


def _content(arguments: Mapping[str, Any]) -> str:
    return str(arguments.get("content", ""))
