"""Upstream's reward: gold of everything that is shared, doing nothing, and the rule of equality."""

import hashlib
import json
import random
from typing import Any

import pytest
from forge_tau import PARTS, backend, tasks
from forge_tau_episodes import episodes
from hypothesis import given
from hypothesis import strategies as st

from forge_envs.tool_use.tau.data import TauTask
from forge_envs.tool_use.tau.grading import gold_changes, judge, open_backend, plain_mark, typed_mark
from forge_envs.tool_use.tau.tables import Changes

FAILING_WRITES = {
    ("v1", "retail", "test"): ["12", "64", "106"],
    ("v1", "retail", "train"): ["24", "148", "214", "252", "288", "314", "376"],
    ("tau2", "retail", "base"): ["64", "105"],
}
"""Tasks whose gold has a write that upstream's own backend refuses; the notes name those of test and tau2."""
NOTHING_TO_DO = {
    ("v1", "retail", "test"): ["10", "12", "50", "106"],
    ("v1", "retail", "train"): ["214", "288"],
    ("v1", "airline", "test"): ["12", "18", "24", "36", "38", "40", "42", "48"],
    ("tau2", "retail", "base"): ["10", "12", "24", "50", "62", "68", "105"],
    ("tau2", "airline", "base"): ["2", "4", "6", "26", "27", "28", "34", "36", "46", "49"],
}
"""Tasks whose gold changes nothing and asks for nothing to be said: doing nothing earns 1 there, upstream too."""


def play_gold(task: TauTask) -> tuple[Changes, list[str]]:
    """What gold writes, played as an agent would, and the writes that failed."""
    played = open_backend(task.world)
    answers = [(action.name, played.call(action.name, action.arguments)) for action in task.actions]
    return played.tables.changes(), [name for name, answer in answers if answer.failed and name in played.writes]


@pytest.mark.parametrize("part", PARTS)
def test_gold_of_every_shared_task_earns_one(part: tuple[str, str, str]) -> None:
    failing = []
    for task in tasks(*part):
        changes, failed = play_gold(task)
        assert judge(task, changes, list(task.outputs)).reward == 1.0, task.id
        failing += [task.id] * bool(failed)
    assert failing == FAILING_WRITES.get(part, [])


@pytest.mark.parametrize("part", PARTS)
def test_doing_nothing_earns_one_only_where_gold_changes_and_says_nothing(part: tuple[str, str, str]) -> None:
    earned = [task.id for task in tasks(*part) if judge(task, {}, ["", "Hello."]).reward]
    assert earned == NOTHING_TO_DO.get(part, [])
    for task in tasks(*part):
        nothing = not gold_changes(task) and ("COMMUNICATE" not in task.basis or not task.outputs)
        assert nothing == (task.id in earned)


def whole_mark(task: TauTask, changes: Changes) -> str:
    """Upstream's rule, on the whole database: our own writing of it, as the reference."""
    database = {table: {**records, **changes.get(table, {})} for table, records in task.world.database.items()}
    if task.world.version.typed:
        return hashlib.sha256(json.dumps(database, sort_keys=True, default=str).encode()).hexdigest()

    def hashable(item: Any) -> Any:
        if isinstance(item, dict):
            return tuple((key, hashable(value)) for key, value in sorted(item.items()))
        return tuple(hashable(one) for one in item) if isinstance(item, list) else item

    return hashlib.sha256(str(hashable(database)).encode()).hexdigest()


@pytest.mark.parametrize("part", [("v1", "retail", "test"), ("tau2", "airline", "base")])
def test_comparing_what_was_written_is_comparing_the_databases(part: tuple[str, str, str]) -> None:
    rng = random.Random(5)
    drawn = tasks(*part)[1:20:6]
    seen = set()
    for task in drawn:
        goal = whole_mark(task, gold_changes(task))
        for steps in episodes(task, drawn, rng, 4):
            played = open_backend(task.world)
            for step in steps:
                if step["name"] != "respond":
                    played.call(step["name"], step["kwargs"])
            changes = played.tables.changes()
            same = whole_mark(task, changes) == goal
            assert judge(task, changes, []).db_match == same
            seen.add(same)
    assert seen == {True, False}


scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.sampled_from(["", "1", "None", "(1,)"])
values = st.recursive(
    scalars, lambda v: st.lists(v, max_size=2) | st.dictionaries(st.sampled_from("ab"), v, max_size=2)
)


@given(values, values)
def test_marks_are_equal_where_upstreams_hash_is(one: Any, other: Any) -> None:
    def upstream(item: Any) -> Any:
        if isinstance(item, dict):
            return tuple((key, upstream(value)) for key, value in sorted(item.items()))
        return tuple(upstream(part) for part in item) if isinstance(item, list) else item

    assert (plain_mark(one) == plain_mark(other)) == (str((upstream(one),)) == str((upstream(other),)))


@pytest.mark.parametrize(
    ("one", "other", "plain", "typed"),
    [
        (100, 100.0, False, False),
        (1, True, False, False),
        (1, "1", False, False),
        ([1, 2], [2, 1], False, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True, True),
        ([["a", 1]], {"a": 1}, True, False),
        ([], {}, True, False),
        (0.0, -0.0, False, False),
        (float("nan"), float("nan"), True, True),
    ],
)
def test_what_counts_as_equal(one: Any, other: Any, plain: bool, typed: bool) -> None:
    assert (plain_mark(one) == plain_mark(other), typed_mark(one) == typed_mark(other)) == (plain, typed)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (["It is 1,234."], True),
        (["it is 12345"], True),
        (["1 234"], False),
        (["1.234"], False),
        (["12", "34"], False),
        ([], False),
    ],
)
def test_outputs_are_found_as_parts_of_what_was_said_without_commas(said: list[str], heard: bool) -> None:
    task = next(t for t in tasks("v1", "retail", "test") if t.outputs)
    changed = TauTask(task.id, task.split, task.world, "", task.actions, ("1234",))
    verdict = judge(changed, gold_changes(changed), said)
    assert (verdict.outputs_match, verdict.reward) == (heard, float(heard))


def test_a_comma_in_an_output_stays_and_so_is_never_found() -> None:
    task = tasks("v1", "retail", "test")[0]
    changed = TauTask(task.id, task.split, task.world, "", (), ("1,234",))
    assert not judge(changed, {}, ["1,234"]).outputs_match


def test_the_reward_basis_decides_what_counts_in_tau2() -> None:
    task = next(t for t in tasks("tau2", "retail", "base") if t.outputs and "NL_ASSERTION" in t.basis)
    verdict = judge(task, gold_changes(task), [])
    assert (verdict.reward, verdict.outputs_match) == (1.0, False)


def test_gold_is_replayed_once_for_each_task_and_never_changes() -> None:
    task = tasks("v1", "retail", "test")[0]
    first = gold_changes(task)
    mark = json.dumps(first)
    play_gold(task)
    judge(task, {}, [])
    assert gold_changes(task) is first and json.dumps(first) == mark
    assert backend("v1", "retail").tables.changes() == {}
