"""tau-bench in ``forge/ToolUse-v0``: gold, doing nothing, what ends an episode, and what it costs."""

import json
import pickle
import statistics
import time
from typing import Any

import gymnasium
import pytest
from forge_tau import DATA

import forge_envs  # noqa: F401  registers the environment ids
from forge_envs import ConfigError, Task, TaskError, load_suite
from forge_envs.core.messages import calls_of
from forge_envs.tool_use.env import ToolUseEnv
from forge_envs.tool_use.tau.play import DROPPED, gold_messages, grade

SUITES = [f"tau:{DATA}#retail", f"tau:{DATA}#airline", f"tau2:{DATA}#retail", f"tau2:{DATA}#airline"]


def make(suite: str, **options: Any) -> ToolUseEnv:
    env = gymnasium.make("forge/ToolUse-v0", suite=suite, **{"split": None, **options}, disable_env_checker=True)
    base = env.unwrapped
    assert isinstance(base, ToolUseEnv)
    return base


def text(*calls: tuple[str, dict[str, Any]]) -> str:
    return "\n".join(
        f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>" for name, arguments in calls
    )


@pytest.mark.parametrize("suite", SUITES)
def test_gold_earns_one_and_doing_nothing_what_the_task_says(suite: str) -> None:
    env = make(suite)
    for task in env.suite:
        env.reset(options={"task": task})
        for action in env.gold_actions(task):
            _, reward, terminated, truncated, info = env.step(action)
        assert (reward, terminated, truncated) == (1.0, True, False), (task.id, info["verdict"])
        env.reset(options={"task": task})
        _, reward, terminated, *_ = env.step("Hello.")
        assert (reward, terminated) == (task.noop_reward, True)


@pytest.mark.parametrize("suite", SUITES)
def test_stepwise_gold_earns_one_and_other_arguments_nothing(suite: str) -> None:
    env = make(suite, reward="stepwise")
    for task in list(env.suite)[::9]:
        gold = gold_messages(task)
        for turn in [i for i, message in enumerate(gold) if calls_of(message)]:
            env.reset(options={"task": task, "turn": turn})
            assert env.step(env.gold_actions(task)[turn])[1] == 1.0
            name, arguments = calls_of(gold[turn])[0]
            env.reset(options={"task": task, "turn": turn})
            assert env.step(text((name, {**arguments, "x": 1})))[1] == 0.0


def test_an_episodes_end_costs_milliseconds() -> None:
    env = make(f"tau:{DATA}", split="test")
    took = []
    for task in list(env.suite)[::2]:
        env.reset(options={"task": task})
        for action in env.gold_actions(task):
            start = time.process_time()
            env.step(action)
            end = time.process_time() - start
        took.append(end)
    assert statistics.median(took) < 0.005


def test_splits_ids_and_schemas() -> None:
    suite = load_suite([f"tau:{DATA}", f"tau2:{DATA}"])
    assert {task.split for task in suite} == {"train", "test", "dev"} and len({task.id for task in suite}) == len(suite)
    assert suite["v1-retail-test-0"].split == "test" and "tau2-airline-2" in {task.id for task in suite}
    _, info = make(f"tau:{DATA}#airline").reset(seed=0)
    assert {"book_reservation", "think"} <= {schema["function"]["name"] for schema in info["tools"]}
    assert pickle.loads(pickle.dumps(suite[0].data)) == suite[0].data


def test_the_policy_is_the_system_prompt_and_the_user_opens() -> None:
    env = make(f"tau:{DATA}#retail")
    first, _ = env.reset(options={"task": "v1-retail-test-0"})
    assert first[0]["role"] == "system" and first[0]["content"] == (DATA / "retail/wiki.md").read_text()
    assert first[1] == {"role": "user", "content": env.task.data["instruction"]}  # type: ignore[union-attr]


LOOK = ("get_user_details", {"user_id": "yusuf_rossi_9620"})
TRANSFER = ("transfer_to_human_agents", {"summary": "s"})


def test_only_the_first_call_of_a_message_is_carried_out_in_v1() -> None:
    for suite, dropped in ((f"tau:{DATA}#retail", True), (f"tau2:{DATA}#retail", False)):
        env = make(suite, reward="shaped", step_weights={"calls_succeeded": 1.0})
        env.reset(seed=0)
        results, reward, *_ = env.step(text(LOOK, LOOK))
        assert (results[1]["content"] == DROPPED) == dropped and results[0]["content"].startswith('{"')
        assert reward == (0.5 if dropped else 1.0)


def test_a_transfer_ends_the_episode_in_v1_only() -> None:
    for suite, ends in ((f"tau:{DATA}#retail", True), (f"tau2:{DATA}#retail", False)):
        env = make(suite)
        env.reset(seed=0)
        _, _, terminated, *_ = env.step(text(TRANSFER))
        assert terminated == ends


def test_text_beside_calls_is_said_in_tau2_only() -> None:
    for suite, said in ((f"tau:{DATA}#retail", []), (f"tau2:{DATA}#retail", ["Looking."])):
        env = make(suite, max_steps=1)
        env.reset(seed=0)
        *_, info = env.step(f"Looking.\n{text(LOOK)}")
        assert info["artifact"]["said"] == said


def test_thoughts_are_not_said() -> None:
    env = make(f"tau:{DATA}#retail", protocol="openai")
    env.reset(seed=0)
    *_, info = env.step({"role": "assistant", "content": "Hm. <think>42</think> Bye."})
    assert "42" not in info["artifact"]["said"][0]


def test_an_episode_that_runs_out_of_steps_earns_nothing() -> None:
    task = load_suite(f"tau:{DATA}#retail")["v1-retail-test-10"]
    env = make(f"tau:{DATA}#retail", max_steps=1)
    env.reset(options={"task": task})
    _, reward, terminated, truncated, info = env.step(text(LOOK))
    assert (reward, terminated, truncated) == (0.0, False, True)
    assert info["verdict"]["components"] == {"format_correct": 1.0, "done": 0.0, "db_match": 1.0, "outputs_match": 1.0}


def test_a_record_can_be_graded_again() -> None:
    env = make(f"tau:{DATA}#retail", split="test")
    task = env.suite[0]
    env.reset(options={"task": task})
    for action in env.gold_actions(task):
        *_, info = env.step(action)
    again = grade(Task(task.id, json.loads(json.dumps(task.data))), json.loads(json.dumps(info["artifact"])))
    assert again.reward == 1.0 and dict(again.components) == info["verdict"]["components"]


def test_two_environments_of_one_task_share_nothing() -> None:
    task = load_suite(f"tau:{DATA}#retail")["v1-retail-test-0"]
    one, other = make(f"tau:{DATA}#retail"), make(f"tau:{DATA}#retail")
    gold = one.gold_actions(task)
    one.reset(options={"task": task})
    other.reset(options={"task": task})
    seen = [one.step(action)[0] for action in gold]
    assert [other.step(action)[0] for action in gold] == seen
    one.reset(options={"task": task})
    assert [one.step(action)[0] for action in gold] == seen


def test_the_state_comes_nearer_to_the_goal_with_gold_only() -> None:
    env = make(f"tau:{DATA}#retail", split="test", reward="shaped", step_weights={"state_distance": 1.0})
    task = next(t for t in env.suite if not t.noop_reward)
    env.reset(options={"task": task})
    assert env._progress().state_closeness < 1.0  # type: ignore[union-attr]
    for action in env.gold_actions(task):
        env.step(action)
    assert env._progress().state_closeness == 1.0  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("source", "text"),
    [("tau:/nowhere", "holds no tau-bench v1 data"), (f"tau:{DATA}#space", "Unknown tau-bench domain 'space'")],
)
def test_a_wrong_source_is_a_clear_error(source: str, text: str) -> None:
    with pytest.raises((ConfigError, TaskError), match=text):
        load_suite(source)


def test_the_users_spec_is_checked_when_the_environment_is_made() -> None:
    with pytest.raises(ConfigError, match="A user is None"):
        make(f"tau:{DATA}#retail", user={"mdl": "x"})
