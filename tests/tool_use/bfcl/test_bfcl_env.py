"""BFCL's entries in ``forge/ToolUse-v0``: gold, silence, withheld tools, step-wise turns, artifacts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import pytest

from forge_envs import ForgeEnv, GraderError, TaskError, load_suite
from forge_envs.core.messages import calls_of
from forge_envs.tool_use.bfcl.categories import CATEGORIES, is_multi_turn
from forge_envs.tool_use.bfcl.data import Entry
from forge_envs.tool_use.bfcl.play import MAX_STEPS_OF_TURN, MORE_TOOLS, call_source, grade

UNSOLVABLE = {"live_multiple_862-181-3", "live_multiple_964-207-0"}


def _env(data: Path, category: str, scheme: str = "bfcl", **options: Any) -> ForgeEnv:
    made = gymnasium.make(
        "forge/ToolUse-v0",
        suite=f"{scheme}:{data}#{category}",
        split="heldout",
        max_steps=200,
        disable_env_checker=True,
        **options,
    )
    assert isinstance(made.unwrapped, ForgeEnv)
    return made.unwrapped


def _play(env: ForgeEnv, task: Any, actions: list[Any]) -> tuple[list[float], dict[str, Any], bool]:
    env.reset(options={"task": task, "reward": "outcome"})
    rewards, info, over = [], {}, False
    for action in actions:
        _, reward, terminated, truncated, info = env.step(action)
        rewards.append(reward)
        over = terminated or truncated
        if over:
            break
    return rewards, info, over


@pytest.mark.parametrize("category", CATEGORIES)
def test_gold_earns_one_and_doing_nothing_what_the_task_says(category: str, data: Path) -> None:
    env = _env(data, category)
    for task in list(env.suite)[:: 1 if len(env.suite) < 60 else 5]:
        rewards, info, over = _play(env, task, env.gold_actions(task))
        assert over and rewards[-1] == float(task.id not in UNSOLVABLE), (task.id, info["verdict"])
        assert not any(rewards[:-1])
        rewards, _, over = _play(env, task, [""] * 50)
        assert over and rewards[-1] == task.noop_reward == float("irrelevance" in category)


@pytest.mark.parametrize("category", ["simple_java", "live_multiple", "parallel", "multi_turn_base"])
def test_step_wise_gold_earns_one(category: str, data: Path) -> None:
    env = _env(data, category)
    for task in list(env.suite)[:: max(1, len(env.suite) // 6)]:
        gold = env.gold_actions(task)
        for turn in env.scored_turns(task):
            env.reset(options={"task": task, "reward": "stepwise", "turn": turn})
            assert env.step(gold[turn])[1] == 1.0, (task.id, turn)
            env.reset(options={"task": task, "reward": "stepwise", "turn": turn})
            assert env.step("No.")[1] == 0.0


def test_step_wise_takes_any_accepted_answer(data: Path) -> None:
    env = _env(data, "simple_python")
    env.reset(options={"task": "simple_python_0", "reward": "stepwise"})
    call = {"name": "calculate_triangle_area", "arguments": {"base": 10, "height": 5, "unit": "Units"}}
    assert env.step(f"<tool_call>{json.dumps(call)}</tool_call>")[1] == 1.0


def test_withheld_tools_arrive_with_their_turn(data: Path) -> None:
    env = _env(data, "multi_turn_miss_func")
    task = env.suite["multi_turn_miss_func_0"]
    _, info = env.reset(options={"task": task})
    (turn, docs), *_ = task.data["entry"]["missed_function"].items()
    name = docs[0]["name"]
    turns = 0

    def offered(info: dict[str, Any]) -> set[str]:
        return {tool["function"]["name"] for tool in info["tools"]}

    assert name not in offered(info)
    refused = f'<tool_call>{{"name": "{name}", "arguments": {{}}}}</tool_call>'
    observation, *_ = env.step(refused)
    assert observation[0]["content"] == f"Error during execution: name '{name}' is not defined"
    while turns < int(turn):
        assert name not in offered(info)
        observation, _, _, _, info = env.step("What now?")
        turns += 1
    assert observation == ({"role": "user", "content": MORE_TOOLS},)
    assert name in offered(info)


def test_a_turn_that_never_ends_fails(data: Path) -> None:
    env = _env(data, "multi_turn_base")
    env.reset(options={"task": 0})
    for step in range(MAX_STEPS_OF_TURN + 1):
        *_, terminated, _, info = env.step('<tool_call>{"name": "ls", "arguments": {}}</tool_call>')
        assert terminated is (step == MAX_STEPS_OF_TURN)
    assert info["verdict"]["details"]["error_type"] == "multi_turn:force_terminated"
    assert info["verdict"]["reward"] == 0.0


def test_a_stored_artifact_is_graded_as_the_episode_was(data: Path) -> None:
    for category in ("multi_turn_long_context", "parallel"):
        env = _env(data, category)
        for task in list(env.suite)[:4]:
            gold = env.gold_actions(task)
            for actions in (gold, gold[:-1] + ["Done."] * 20, ["<tool_call>", *gold]):
                _, info, over = _play(env, task, actions)
                assert over
                stored = json.loads(json.dumps(info["artifact"]))
                again = grade(task, stored)
                assert (again.reward, dict(again.components)) == (
                    info["verdict"]["reward"],
                    info["verdict"]["components"],
                )
    with pytest.raises(GraderError, match="no 'calls'"):
        grade(task, {"format_faults": 0})


def test_two_environments_of_one_task_share_nothing(data: Path) -> None:
    first, second = (_env(data, "multi_turn_long_context") for _ in range(2))
    for task in list(first.suite)[:20]:
        kept = json.dumps(task.data["entry"], sort_keys=True)
        gold = first.gold_actions(task)
        _play(first, task, gold)
        one, other = _play(first, task, gold), _play(second, task, gold)
        assert first.messages == second.messages and one[0] == other[0] and one[0][-1] == 1.0
        assert json.dumps(task.data["entry"], sort_keys=True) == kept


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("__import__('os').system", {"command": "true"}),
        ("ls() or open", {"file": "x"}),
        ("cd", {"folder='x'), open('canary', 'w'": 1}),
        ("cd", {"folder": "'), open('canary', 'w"}),
        ("echo", {"content": "find(1)", "file_name": None}),
        ("cd", {"lambda": 1}),
        ("ls" * 5000, {}),
    ],
)
def test_hostile_calls_are_answered(
    name: str, arguments: dict[str, Any], data: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    env = _env(data, "multi_turn_base")
    env.reset(options={"task": 0})
    call = {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}}
    observation, _, terminated, *_ = env.step({"role": "assistant", "content": None, "tool_calls": [call]})
    assert not terminated and len(observation) == 1 and observation[0]["role"] == "tool"
    if name != "echo":
        assert observation[0]["content"].startswith(("Error during execution", '{"error"'))
    assert not (tmp_path / "canary").exists()


def test_calls_are_written_as_expressions() -> None:
    assert call_source("f", {"a": 1, "b": ["x"]}) == "f(a=1, b=['x'])"
    assert call_source("f", {"a b": 1}) == "f(**{'a b': 1})"
    assert call_source("f", {"class": 1}) == "f(**{'class': 1})"


def test_the_suite_is_named_by_a_text(data: Path, entries: Callable[[str], list[Entry]]) -> None:
    suite = load_suite(f"bfcl:{data}#parallel,irrelevance")
    assert len(suite) == len(entries("parallel")) + len(entries("irrelevance")) and suite.name == "bfcl"
    assert suite.hash != load_suite(f"bfcl:{data}#parallel").hash
    assert {task.split for task in suite} == {"heldout"} and suite[0].suite == "bfcl/parallel"
    upstream = load_suite(f"bfcl-upstream:{data}#parallel")
    assert upstream[0].data["compat"] == "upstream"
    with pytest.raises(TaskError, match="Unknown BFCL category 'x'"):
        load_suite(f"bfcl:{data}#x")
    with pytest.raises(TaskError, match=r"no BFCL_v4_\*.json file there"):
        load_suite("bfcl:/nowhere")
    assert sum(is_multi_turn(task.data["category"]) for task in load_suite(f"bfcl:{data}")) == 400


def test_tools_are_json_schemas(data: Path) -> None:
    from jsonschema import Draft202012Validator

    for category in ("simple_java", "live_multiple", "multi_turn_base", "parallel_multiple"):
        env = _env(data, category)
        for task in list(env.suite)[:30]:
            _, info = env.reset(options={"task": task})
            for tool in info["tools"]:
                Draft202012Validator.check_schema(tool["function"]["parameters"])
                assert "." not in tool["function"]["name"]
            for action in env.gold_actions(task):
                for name, arguments in calls_of(env.protocol.parse(action)):
                    schema = next(t["function"]["parameters"] for t in info["tools"] if t["function"]["name"] == name)
                    if category == "simple_java":
                        assert Draft202012Validator(schema).is_valid(arguments)
