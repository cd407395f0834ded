"""Step rewards of free-running tool-use episodes: what gold earns, what a detour earns, that shaping telescopes."""

import copy
from pathlib import Path
from typing import Any

import pytest
from forge_toy import call, row, write_suite
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forge_envs import ConfigError, Task, Verdict
from forge_envs.core.hooks import Reaction
from forge_envs.core.messages import assistant, calls_of, tool_call
from forge_envs.core.rewards import POTENTIALS, STEP_COMPONENTS
from forge_envs.tool_use.benchmarks import BENCHMARKS, Benchmark
from forge_envs.tool_use.env import ToolUseEnv
from forge_envs.tool_use.rewards import closeness, distance, matched_as_set, matched_in_order

EVERYTHING = {**dict.fromkeys(STEP_COMPONENTS, 1.0), **dict.fromkeys(POTENTIALS, 1.0)}


def _act(*calls: dict[str, Any]) -> Any:
    return assistant("", [tool_call(c["name"], c["arguments"], f"c{i}") for i, c in enumerate(calls)])


ADD = call("add_note", text="eggs", tags=["shop"])
TODAY, OLD = call("tag_note", note="n2", tag="today"), call("tag_note", note="n1", tag="old")
DETOUR = call("tag_note", note="n1", tag="detour")


def _env(suite: Path, weights: dict[str, float], **options: Any) -> ToolUseEnv:
    return ToolUseEnv(suite=str(suite), split=None, reward="shaped", step_weights=weights, **options)


def _parts(env: ToolUseEnv, *actions: Any) -> list[dict[str, float]]:
    env.reset(options={"task": "add"})
    return [env.step(action)[4]["reward_components"] for action in actions]


def test_what_each_turn_of_gold_earns(toy_suite: Path) -> None:
    weights = {name: EVERYTHING[name] for name in ("gold_in_order", "gold_as_set", "state_distance", "tool_exists")}
    parts = _parts(_env(toy_suite, weights), _act(ADD), _act(TODAY, OLD), "Both are done.")
    # The note is two values and a tag more, and the other note gets one tag: four differences, of which two are left.
    assert [p["gold_in_order"] for p in parts] == [pytest.approx(1 / 3), pytest.approx(2 / 3), 0.0]
    assert [p["gold_as_set"] for p in parts] == [pytest.approx(1 / 3), pytest.approx(2 / 3), 0.0]
    assert [p["state_distance"] for p in parts] == [-0.5, 0.0, 0.0]
    assert [p["tool_exists"] for p in parts] == [1.0, 1.0, 0.0]
    assert parts[-1]["outcome"] == 1.0


def test_another_order_counts_as_a_set_only(toy_suite: Path) -> None:
    env = _env(toy_suite, {"gold_in_order": 1.0, "gold_as_set": 1.0})
    parts = _parts(env, _act(OLD, DETOUR, ADD), _act(TODAY), _act(OLD), "Done.")
    assert [round(3 * p["gold_as_set"]) for p in parts] == [2, 1, 0, 0]
    assert [round(3 * p["gold_in_order"]) for p in parts] == [1, 1, 1, 0]
    assert parts[-1]["outcome"] == 0.0


@pytest.mark.parametrize(
    ("bad", "exists", "valid", "succeeded"),
    [
        (call("no_such_tool"), 0.5, 0.5, 0.5),
        (call("tag_note", note=1, tag="x"), 1.0, 0.5, 0.5),
        (call("tag_note", note="n9", tag="x"), 1.0, 1.0, 0.5),
    ],
)
def test_the_three_ways_in_which_a_call_fails(
    toy_suite: Path, bad: dict[str, Any], exists: float, valid: float, succeeded: float
) -> None:
    names = ("tool_exists", "arguments_valid", "calls_succeeded")
    (parts,) = _parts(_env(toy_suite, dict.fromkeys(names, 1.0)), _act(ADD, bad))
    assert parts == dict(zip(names, (exists, valid, succeeded), strict=True))


def test_a_malformed_reply_earns_no_part_and_moves_nothing(toy_suite: Path) -> None:
    parts = _parts(_env(toy_suite, EVERYTHING), _act(ADD), "<tool_call>")[1]
    assert {name for name, value in parts.items() if value} == {"state_distance"}


moves = st.sampled_from(
    [_act(ADD), _act(TODAY), _act(OLD, DETOUR), _act(DETOUR), _act(call("nope")), "<tool_call>", _act(ADD, TODAY, OLD)]
)


@pytest.mark.parametrize("end", ["answer", "max_steps", "outside"])
def test_shaping_telescopes_over_every_episode(toy_suite: Path, end: str) -> None:
    names = sorted(POTENTIALS)

    @settings(suppress_health_check=list(HealthCheck))
    @given(st.lists(moves, min_size=1, max_size=5), st.floats(0.0, 1.0))
    def play(played: list[Any], discount: float) -> None:
        steps = len(played) if end == "max_steps" else 30
        env = _env(toy_suite, dict.fromkeys(names, 1.0), discount=discount, max_steps=steps)
        env.reset(options={"task": "add"})
        results = [env.step(action) for action in played]
        if end == "answer":
            results.append(env.step("Done."))
        if end == "outside":
            results.append(env.truncate("timeout"))
        assert results[-1][2] or results[-1][3]
        for name in names:
            paid = [info["reward_components"][name] for *_, info in results]
            # Nothing is reached at the start of this task, so every potential begins at 0.
            assert sum(discount**t * value for t, value in enumerate(paid)) == pytest.approx(0.0, abs=1e-9)
        for _, reward, *_, info in results:
            assert reward == pytest.approx(sum(info["reward_components"].values()))

    play()


def test_modes_can_change_within_one_run(toy_suite: Path) -> None:
    """Outcome (Eq 7) and step-wise (Eq 8) episodes of one suite, one after the other in one environment."""
    env = ToolUseEnv(suite=str(toy_suite), split=None)
    seen = []
    for mode, turn in [("outcome", None), ("stepwise", 1), ("outcome", None), ("stepwise", 0), ("shaped", None)]:
        _, info = env.reset(options={"task": "add", "reward": mode, **({} if turn is None else {"turn": turn})})
        rewards = []
        for action in env.gold_actions()[turn or 0 :]:
            _, reward, terminated, _, info = env.step(action)
            rewards.append(reward)
            if terminated:
                break
        seen.append((info["reward_mode"], rewards))
    assert seen[:4] == [
        ("outcome", [0.0, 0.0, 1.0]),
        ("stepwise", [1.0]),
        ("outcome", [0.0, 0.0, 1.0]),
        ("stepwise", [1.0]),
    ]
    assert seen[4] == ("shaped", [0.05, 0.05, 1.05])


def test_an_environment_that_measures_no_progress_says_so(toy_suite: Path) -> None:
    class Unmeasured(ToolUseEnv):
        def _progress(self) -> None:
            return None

    env = Unmeasured(suite=str(toy_suite), reward="shaped", step_weights={"gold_in_order": 1.0})
    with pytest.raises(ConfigError, match="remove 'gold_in_order' from step_weights"):
        env.reset()
    env.reset(options={"reward": "outcome"})


class Dial:
    """A benchmark's session: a number that calls turn up."""

    def __init__(self, task: Task):
        self.value = task.data["value"]

    def start(self) -> list[Any]:
        return [{"role": "user", "content": "Turn it up."}]

    def tools(self) -> list[dict[str, Any]]:
        return []

    def react(self, message: Any) -> Reaction:
        self.value += len(calls_of(message))
        return Reaction([], done=not calls_of(message))

    def artifact(self) -> dict[str, Any]:
        return {}


class StatefulDial(Dial):
    """One whose state can be compared."""

    def state(self) -> dict[str, int]:
        return {"value": self.value}


def _dials(session: Any) -> Benchmark:
    gold = [_act(ADD), _act(TODAY), assistant("Done.")]
    return Benchmark(session, lambda task, artifact: Verdict(1.0), lambda task: gold, lambda *_: True)


DIALS, STATEFUL_DIALS = _dials(Dial), _dials(StatefulDial)


@pytest.mark.parametrize("name", ["DIALS", "STATEFUL_DIALS"])
def test_the_tasks_of_a_benchmark_are_measured_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(BENCHMARKS, name, f"{__name__}:{name}")
    suite = write_suite(tmp_path / "toy", {"train": [row("add", [], benchmark=name, value=3)]})
    parts = _parts(_env(suite, {"gold_in_order": 1.0, "gold_as_set": 1.0}), _act(TODAY), _act(ADD), "Done.")
    assert [(p["gold_in_order"], p["gold_as_set"]) for p in parts] == [(0.0, 0.5), (0.5, 0.5), (0.0, 0.0)]
    env = _env(suite, {"state_distance": 1.0, "shaping_state": 1.0})
    if name == "DIALS":
        with pytest.raises(ConfigError, match="no state to compare with a goal"):
            _parts(env, _act(TODAY))
    else:
        parts = _parts(env, _act(TODAY), _act(ADD), "Done.")
        assert [p["state_distance"] for p in parts] == [-1.0, 0.0, 0.0]
        assert [p["shaping_state"] for p in parts] == [0.0, 1.0, -1.0]


def test_a_task_without_gold_calls_is_at_its_goal(tmp_path: Path) -> None:
    suite = write_suite(tmp_path / "toy", {"train": [row("add", [{"say": "No."}], noop_reward=1.0)]})
    parts = _parts(_env(suite, EVERYTHING), _act(DETOUR), "No.")
    assert [p["state_distance"] for p in parts] == [-1.0, -1.0]
    assert [p["shaping_gold_in_order"] for p in parts] == [0.0, -1.0]


atoms = st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=2)
states = st.recursive(
    atoms, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
)


@given(states, states, states)
def test_distance_is_zero_exactly_for_equal_states(state: Any, start: Any, goal: Any) -> None:
    assert distance(state, copy.deepcopy(state)) == 0
    assert (distance(state, goal) == 0) == (state == goal)
    assert distance(state, goal) == distance(goal, state)
    near = closeness(state, start, goal)
    assert 0.0 <= near <= 1.0 and (near == 1.0) == (state == goal)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, 1),
        ({"a": 1}, {"a": 1, "b": {"c": 1, "d": [1, 2]}}, 3),
        ([1, 2], [1, 2, 3, {"x": 1, "y": 2}], 3),
        ({"a": {}}, {"a": 5}, 1),
        ({"a": {"b": 1, "c": 2}}, {"a": None}, 2),
        (1, 1.0, 0),
    ],
)
def test_distance_counts_values(one: Any, other: Any, expected: int) -> None:
    assert distance(one, other) == expected


calls = st.lists(st.tuples(st.sampled_from("fg"), st.dictionaries(st.just("x"), st.integers(0, 1), max_size=1)))


@given(calls, calls)
def test_matching_grows_with_every_call(made: list[Any], gold: list[Any]) -> None:
    for match in (matched_in_order, matched_as_set):
        shares = [match(made[:n], gold) for n in range(len(made) + 1)]
        assert shares == sorted(shares) and shares[0] >= 0.0 and shares[-1] <= 1.0
        assert match(gold, gold) == 1.0
    assert matched_in_order(made, gold) <= matched_as_set(made, gold) + 1e-12
    assert matched_as_set(made[::-1], gold) == matched_as_set(made, gold)


def test_types_of_arguments_count() -> None:
    for value in (1.0, True, "1"):
        assert matched_as_set([("f", {"x": value})], [("f", {"x": 1})]) == 0.0
