"""`forge grade tau`: what ends an episode, and what a line may say."""

import json
from pathlib import Path
from typing import Any

import pytest
from forge_tau import DATA, respond, tasks
from typer.testing import CliRunner

from forge_envs.core.errors import ConfigError, TaskError
from forge_envs.tool_use.tau.data import TauTask
from forge_envs.tool_use.tau.offline import grade_episode, grade_lines
from forge_train.cli import app

GOOD = {"reward": 1.0, "done": True, "db_match": True, "outputs_match": True}


def gold_steps(task: TauTask) -> list[dict[str, Any]]:
    return [{"name": action.name, "kwargs": dict(action.arguments)} for action in task.actions]


def line(task: TauTask, steps: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    world = task.world
    named = {"domain": world.domain, "split": task.split, "task_index": int(task.id), "version": world.version.name}
    return {**named, "steps": steps, **changes}


@pytest.fixture
def task() -> TauTask:
    """A task with outputs, whose gold changes something and ends without a transfer."""
    return next(
        t
        for t in tasks("v1", "retail", "test")
        if t.outputs and not any(a.name == "transfer_to_human_agents" for a in t.actions)
    )


def test_gold_and_a_farewell_earn_one(task: TauTask) -> None:
    steps = [*gold_steps(task), respond(" ".join(task.outputs), "###STOP###")]
    assert grade_episode(line(task, steps), DATA) == GOOD
    assert grade_episode(line(task, steps, task_index=None, task_id=task.id) | {"task_index": 0}, DATA) == GOOD


@pytest.mark.parametrize("reply", [None, "", "ok", "STOP", "###stop###", "###TRANSFER###"])
def test_without_the_users_stop_nothing_is_earned(task: TauTask, reply: str | None) -> None:
    steps = [*gold_steps(task), respond(" ".join(task.outputs), reply)]
    expected = {"reward": 0.0, "done": False, "db_match": True, "outputs_match": True}
    assert grade_episode(line(task, steps), DATA) == expected


def test_the_agents_own_stop_ends_nothing(task: TauTask) -> None:
    steps = [*gold_steps(task), {"say": "###STOP###" + " ".join(task.outputs)}]
    assert not grade_episode(line(task, steps), DATA)["done"]
    assert grade_episode(line(task, [{**steps[-1], "user_reply": "bye ###STOP###"}]), DATA)["done"]


def test_a_reply_beside_a_call_ends_nothing(task: TauTask) -> None:
    steps = [{**step, "user_reply": "###STOP###"} for step in gold_steps(task)]
    assert not grade_episode(line(task, steps), DATA)["done"]


def test_steps_after_the_end_are_not_played(task: TauTask) -> None:
    farewell = respond(" ".join(task.outputs), "###STOP###")
    late = grade_episode(line(task, [farewell, *gold_steps(task)]), DATA)
    assert late == {"reward": 0.0, "done": True, "db_match": False, "outputs_match": True}


def test_a_transfer_ends_the_episode_even_when_it_fails(task: TauTask) -> None:
    transfer = {"name": "transfer_to_human_agents", "kwargs": {}}
    found = grade_episode(line(task, [respond(" ".join(task.outputs)), *gold_steps(task), transfer]), DATA)
    assert found == GOOD


def test_reads_and_failing_calls_cost_nothing(task: TauTask) -> None:
    extra = [
        {"name": "list_all_product_types", "kwargs": {}},
        {"name": "get_user_details", "kwargs": {"user_id": ["x"]}},
        {"name": "cancel_pending_order", "kwargs": {"order_id": "#W0000000", "reason": "no longer needed"}},
        {"name": "nope", "kwargs": {}},
    ]
    steps = [step for action in gold_steps(task) for step in (*extra, action)]
    assert grade_episode(line(task, [*steps, respond(" ".join(task.outputs), "###STOP###")]), DATA) == GOOD


def test_tau2_takes_a_finished_dialogue() -> None:
    for task in tasks("tau2", "airline", "base")[:5]:
        row = line(task, [*gold_steps(task), {"say": " ".join(task.outputs) or "Done."}], task_id=task.id)
        assert grade_episode(row | {"split": "test"}, DATA) == GOOD


def test_a_bad_line_is_reported_with_its_number_and_the_rest_is_graded(task: TauTask) -> None:
    good = line(task, [*gold_steps(task), respond(" ".join(task.outputs), "###STOP###")])
    bad: list[Any] = [
        "{",
        "[]",
        '{"domain": "retail"}',
        "[" * 5000,
        json.dumps({**good, "domain": "space"}),
        json.dumps({**good, "version": "v9"}),
        json.dumps({**good, "task_index": 1}),
        json.dumps({**good, "task_index": True}),
        json.dumps({**good, "steps": {}}),
        json.dumps({**good, "steps": [5]}),
        json.dumps({**good, "steps": [{"name": "think"}]}),
        json.dumps({**good, "steps": [{"name": 5, "kwargs": {}}]}),
        json.dumps({**good, "steps": [{"say": 5}]}),
        json.dumps({**good, "steps": [respond("x") | {"user_reply": 5}]}),
        json.dumps({**good, "steps": [{"name": "respond", "kwargs": {}}]}),
        b"\xff\xfe",
    ]
    lines = [json.dumps(good), "", *bad, json.dumps(good)]
    found = list(grade_lines(lines, DATA))
    assert found[0] == found[-1] == GOOD and len(found) == len(lines) - 1
    assert [row["line"] for row in found[1:-1]] == list(range(3, 3 + len(bad)))
    assert all(row["error"].startswith(f"line {row['line']}: ") for row in found[1:-1])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"task_index": 1}, "retail/test (v1) has no task 1 in this data folder"),
        ({"steps": [{"name": "think"}]}, "steps[0]: kwargs is missing"),
        ({"steps": [{"name": "respond", "kwargs": {"content": 5}}]}, "steps[0].kwargs: content is text, not int"),
        ({"task_index": None}, "task_index is a whole number, or task_id a text; one of them is needed"),
        ({"split": "x"}, "has no split 'x'"),
        ({"domain": "x"}, "Unknown tau-bench domain 'x'"),
    ],
)
def test_errors_name_what_to_change(task: TauTask, change: dict[str, Any], text: str) -> None:
    with pytest.raises((TaskError, ConfigError)) as raised:
        grade_episode({**line(task, []), **change}, DATA)
    assert text in str(raised.value)


def test_the_command_writes_a_verdict_for_each_line(task: TauTask, tmp_path: Path) -> None:
    file, to = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    good = line(task, [*gold_steps(task), respond("\u2028".join(["", *task.outputs]), "###STOP###")])
    file.write_text(
        json.dumps(good, ensure_ascii=False) + "\n{\n" + json.dumps(line(task, [])) + "\n", encoding="utf-8"
    )
    result = CliRunner().invoke(app, ["grade", "tau", str(file), "--data", str(DATA), "--out", str(to)])
    assert result.exit_code == 0, result.output
    rows = [json.loads(one) for one in to.read_text().splitlines()]
    assert rows[0] == GOOD and rows[1]["line"] == 2 and not rows[2]["done"]


@pytest.mark.parametrize("arguments", [["missing.jsonl", "--data", str(DATA)], [__file__, "--data", "missing"]])
def test_the_command_names_what_is_missing(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, ["grade", "tau", *arguments])
    assert result.exit_code == 2 and "missing" in result.output
