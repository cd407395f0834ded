"""Every reward mode on the benchmarks: gold reaches the goal, each of its turns scores, shaping telescopes."""

from pathlib import Path

import pytest

from forge_envs.core.messages import calls_of
from forge_envs.tool_use.env import ToolUseEnv

DATA = Path(__file__).parents[3] / "shared" / "data"
WEIGHTS = {
    "gold_in_order": 1.0,
    "gold_as_set": 1.0,
    "state_distance": 1.0,
    "shaping_gold_in_order": 1.0,
    "shaping_state": 1.0,
}
SINGLE = {name: WEIGHTS[name] for name in ("gold_in_order", "gold_as_set", "shaping_gold_in_order")}
SUITES = [
    (f"bfcl-upstream:{DATA}/bfcl#multi_turn_base,multi_turn_miss_func", WEIGHTS, 29),
    (f"bfcl-upstream:{DATA}/bfcl#simple_python,parallel_multiple", SINGLE, 41),
    (f"tau:{DATA}/taubench", WEIGHTS, 53),
    (f"tau2:{DATA}/taubench", WEIGHTS, 19),
]


@pytest.mark.skipif(not (DATA / "bfcl").is_dir(), reason="the shared benchmark data is not beside the checkout")
@pytest.mark.parametrize(("suite", "weights", "every"), SUITES, ids=["bfcl multi-turn", "bfcl", "tau", "tau2"])
def test_gold_in_every_mode(suite: str, weights: dict[str, float], every: int) -> None:
    env = ToolUseEnv(suite=suite, split=None, step_weights=weights, max_steps=100)
    played = 0
    for task in list(env.suite)[::every]:
        gold = env._gold(task)
        if not any(map(calls_of, gold)):
            continue
        env.reset(options={"task": task, "reward": "shaped"})
        parts, terminated = [], False
        for action in env.gold_actions():
            _, _, terminated, _, info = env.step(action)
            parts.append(info["reward_components"])
        assert terminated and info["verdict"]["reward"] == 1.0, (task.id, info["verdict"])
        assert sum(p["gold_in_order"] for p in parts) == pytest.approx(1.0) == sum(p["gold_as_set"] for p in parts), (
            task.id
        )
        assert sum(p["shaping_gold_in_order"] for p in parts) == pytest.approx(0.0), task.id
        if "shaping_state" in weights:
            start = env._ends
            assert start is not None and parts[-1]["state_distance"] == 0.0, task.id
            assert sum(p["shaping_state"] for p in parts) == pytest.approx(-float(start[0] == start[1])), task.id
        turns = env.scored_turns(task)
        assert turns == [i for i, message in enumerate(gold) if calls_of(message)]
        for turn in turns:
            env.reset(options={"task": task, "reward": "stepwise", "turn": turn})
            assert env.step(env.gold_actions()[turn])[1] == 1.0, (task.id, turn)
            env.reset(options={"task": task, "reward": "stepwise", "turn": turn})
            assert env.step("I did it.")[1] == 0.0, (task.id, turn)
        played += 1
    assert played > 3
