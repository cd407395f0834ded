"""Grading of tool use: Eq 7 and 8 on the artifact alone."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from forge_toy import call, row
from hypothesis import given
from hypothesis import strategies as st

from forge_envs import ConfigError, GraderError, Task, load_suite
from forge_envs.core.messages import Message, assistant, calls_of, tool_call
from forge_envs.tool_use.domain import Domain, load_domain
from forge_envs.tool_use.env import ToolUseEnv
from forge_envs.tool_use.grading import exact_match, gold_messages, gold_state, grade


def _task(gold: list[Any], **fields: Any) -> Task:
    return Task("t", row("t", gold, **fields))


TASK = _task([{"calls": [call("tag_note", note="n1", tag="old")]}, {"say": "Done."}], outputs=["1250"])


def _artifact(**fields: Any) -> dict[str, Any]:
    return {"state": gold_state(TASK), "said": ["It costs 1,250."], "format_faults": 0, **fields}


def test_everything_right_is_one() -> None:
    verdict = grade(TASK, _artifact())
    assert verdict.reward == 1.0
    assert verdict.components == {"format_correct": 1.0, "state_match": 1.0, "outputs_match": 1.0}
    assert verdict.details == {"differing": [], "unsaid": []}


@pytest.mark.parametrize(
    ("change", "part", "details"),
    [
        ({"format_faults": 1}, "format_correct", {"differing": [], "unsaid": []}),
        ({"state": TASK.data["state"]}, "state_match", {"differing": ["notes"], "unsaid": []}),
        ({"state": {}}, "state_match", {"differing": ["notes"], "unsaid": []}),
        ({"said": []}, "outputs_match", {"differing": [], "unsaid": ["1250"]}),
        ({"said": ["It costs 12.", "50"]}, "outputs_match", {"differing": [], "unsaid": ["1250"]}),
    ],
)
def test_one_thing_wrong_is_zero(change: dict[str, Any], part: str, details: dict[str, Any]) -> None:
    verdict = grade(TASK, _artifact(**change))
    assert verdict.reward == 0.0
    assert [name for name, value in verdict.components.items() if value == 0.0] == [part]
    assert verdict.details == details


@pytest.mark.parametrize("said", ["1250", "1,250 in all", "costs 1250."])
def test_outputs_follow_the_rule_of_tau_bench(said: str) -> None:
    assert grade(TASK, _artifact(said=["hm", said])).reward == 1.0
    shelf = _task([{"say": "Shelf B4."}], outputs=["B4"])
    assert grade(shelf, {"state": shelf.data["state"], "said": ["on shelf b4"], "format_faults": 0}).reward == 1.0


def test_extra_state_is_a_difference() -> None:
    verdict = grade(TASK, _artifact(state={**gold_state(TASK), "extra": 1}))
    assert (verdict.reward, verdict.details["differing"]) == (0.0, ["extra"])


@pytest.mark.parametrize("missing", ["state", "said", "format_faults"])
def test_an_incomplete_artifact_is_no_zero(missing: str) -> None:
    artifact = _artifact()
    del artifact[missing]
    with pytest.raises(GraderError, match=f"no '{missing}'") as failure:
        grade(TASK, artifact)
    assert failure.value.artifact == artifact


def test_a_stored_artifact_is_graded_as_the_episode_was(toy_suite: Path) -> None:
    env = ToolUseEnv(suite=toy_suite, split=None)
    for task in load_suite(toy_suite):
        for actions in (env.gold_actions(task), ["Done."], ["<tool_call>", *env.gold_actions(task)]):
            env.reset(options={"task": task})
            for action in actions:
                *_, info = env.step(action)
            if "artifact" not in info:
                *_, info = env.truncate("timeout")
            stored = json.loads(json.dumps(info["artifact"]))
            verdict = grade(task, stored)
            assert verdict.reward == info["verdict"]["reward"]
            assert verdict.components == info["verdict"]["components"]


def test_grading_changes_neither_the_task_nor_the_artifact() -> None:
    task = _task(
        [{"calls": [call("add_note", text="a", tags=["x"]), call("tag_note", note="n2", tag="y")]}, {"say": "Done."}]
    )
    artifact = {"state": gold_state(task), "said": ["Done."], "format_faults": 0}
    kept = copy.deepcopy((task.data, artifact))
    assert [grade(task, artifact).reward for _ in range(3)] == [1.0] * 3
    assert (task.data, artifact) == kept
    assert artifact["state"]["notes"]["n2"]["tags"] == ["x", "y"]


def test_gold_turns_as_messages() -> None:
    assert gold_messages(TASK) == [
        assistant("", [tool_call("tag_note", {"note": "n1", "tag": "old"}, "gold_0_0")]),
        assistant("Done."),
    ]


def _said(*calls: tuple[str, dict[str, Any]], text: str = "") -> Message:
    return assistant(text, [tool_call(name, arguments, f"id{i}") for i, (name, arguments) in enumerate(calls)])


GOLD = _said(("f", {"a": 1, "b": [True, "x"]}), ("g", {}))


@pytest.mark.parametrize(
    ("message", "matches"),
    [
        (_said(("f", {"b": [True, "x"], "a": 1}), ("g", {}), text="Let me see."), True),
        (_said(("g", {}), ("f", {"a": 1, "b": [True, "x"]})), False),
        (_said(("f", {"a": 1, "b": [True, "x"]})), False),
        (_said(("f", {"a": 1.0, "b": [True, "x"]}), ("g", {})), False),
        (_said(("f", {"a": True, "b": [True, "x"]}), ("g", {})), False),
        (_said(("f", {"a": 1, "b": [1, "x"]}), ("g", {})), False),
        (_said(("f", {"a": 1, "b": [True, "x"]}), ("g", {"c": None})), False),
        (_said(("f", {"a": 1, "b": ["x", True]}), ("g", {})), False),
        (_said(text="f"), False),
    ],
)
def test_exact_match(message: Message, matches: bool) -> None:
    assert exact_match(message, GOLD) is matches
    assert exact_match(GOLD, message) is matches


values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0]) | st.sampled_from("ab"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)
named = st.lists(
    st.tuples(st.sampled_from("fg"), st.dictionaries(st.sampled_from("ab"), values, max_size=2)), max_size=2
)


@given(named, named)
def test_exact_match_is_equality_of_json(one: list[Any], other: list[Any]) -> None:
    message, gold = _said(*one), _said(*other, text="hm")
    same = json.dumps(calls_of(message), sort_keys=True) == json.dumps(calls_of(gold), sort_keys=True)
    assert exact_match(message, gold) is same
    assert exact_match(message, copy.deepcopy(message))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "Unknown domain 'nothing': use one of"),
        ("forge_toy:Nothing", "can't be loaded from 'forge_toy:Nothing'"),
        ("no_such_module:Notebook", "can't be loaded"),
        ("forge_toy:row", "is not a subclass"),
        ("json:JSONDecoder", "is not a subclass"),
    ],
)
def test_an_unknown_domain(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_domain(name)


def test_a_domain_is_found_by_name_or_by_class() -> None:
    assert issubclass(load_domain("library"), Domain)
    assert load_domain("forge_toy:Notebook").__name__ == "Notebook"
    assert load_domain("mine", {"mine": "forge_toy:Notebook"}) is load_domain("forge_toy:Notebook")
