"""The engine: whatever goes wrong in one episode stays in that episode."""

import dataclasses
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import pytest
from forge_moody import MOODS, Moody, Speaker, moody_suite
from forge_tiny import renderer, small_model

from forge_envs.core.errors import ConfigError
from forge_train.policies.base import Reply
from forge_train.policies.scripted import ScriptedPolicy
from forge_train.policies.transformers import TransformersPolicy
from forge_train.rollout.engine import EngineLimits, Job, Rollout, run_episodes

QUICK = EngineLimits(concurrency=4, reset_timeout=2.0, step_timeout=2.0, policy_timeout=2.0, close_timeout=5.0)
GOOD = ["good-0", "good-1", "good-2", "good-3"]


@pytest.fixture(autouse=True)
def closed_and_quiet() -> Iterator[None]:
    """After each test: every environment closed, no thread of the engine or of a policy left."""
    Moody.made.clear()
    Moody.hang.clear()
    Moody.nap.clear()
    Moody.most = Moody.started = 0
    yield
    Moody.nap.set()
    Moody.hang.set()  # what hung may now return, and must then close its environment and end
    until = time.monotonic() + 20.0
    while time.monotonic() < until and (_forge_threads() or not all(env.closed for env in Moody.made)):
        time.sleep(0.01)
    assert not _forge_threads() and all(env.closed for env in Moody.made)


def _forge_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("forge-")]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Moody]:
    """Makes the moody environment."""
    suite = moody_suite(tmp_path_factory.mktemp("suites") / "moody")
    return lambda: Moody(suite=str(suite))


def ends(rollouts: list[Rollout]) -> dict[str, tuple[str, str | None]]:
    """Task to status and boundary or reason."""
    return {r.job.task: (r.episode.end.status, r.episode.end.boundary or r.episode.end.reason) for r in rollouts}


def test_every_failure_stays_in_its_episode(make: Callable[[], Moody]) -> None:
    moods = [mood for mood in MOODS if mood not in ("step-naps", "policy-ids")]
    jobs = [Job(mood, index=i) for i in range(2) for mood in [*moods, "no-such-task"]]
    seen: list[str] = []
    speaker = Speaker()
    rollouts = run_episodes(make, speaker, jobs, limits=QUICK, on_rollout=lambda r: seen.append(r.episode.id))
    assert [r.job for r in rollouts] == jobs and [r.episode.id for r in rollouts] == [j.id for j in jobs]
    assert sorted(seen) == sorted(job.id for job in jobs) and speaker.closed == 1
    expected = {
        **{mood: ("completed", None) for mood in [*GOOD, "tools-change"]},
        **{f"policy-{how}": ("failed", "policy") for how in ("raises", "stops", "garbage", "none", "silent")},
        **{mood: ("failed", "sandbox") for mood in ("reset-sandbox", "step-sandbox", "step-hangs", "reset-hangs")},
        **{mood: ("failed", "environment") for mood in ("step-raises", "step-stops", "step-exits")},
        "grade-raises": ("failed", "grader"),
        "no-such-task": ("failed", "task"),
    }
    assert ends(rollouts[: len(jobs) // 2]) == ends(rollouts[len(jobs) // 2 :]) == expected
    for rollout in rollouts:
        episode = rollout.episode
        assert (episode.outcome is None) == (episode.end.status == "failed") == (episode.end.error is not None)
        assert episode.outcome in (None, 1.0) and rollout.rows == ()
        assert json.loads(episode.to_json())["id"] == rollout.job.id
    by_task = {r.job.task: r.episode for r in rollouts}
    assert by_task["grade-raises"].artifact == {"count": 3, "format_faults": 0}
    assert len(by_task["grade-raises"].turns) == 2 and by_task["grade-raises"].prompt
    assert by_task["no-such-task"].end.error and "no-such-task" in by_task["no-such-task"].end.error
    assert "2 s" in str(by_task["policy-silent"].end.error) and "2 s" in str(by_task["step-hangs"].end.error)


@pytest.mark.parametrize("concurrency", [1, 3])
def test_concurrency_is_bounded(make: Callable[[], Moody], concurrency: int) -> None:
    jobs = [Job(task, index=i) for i in range(6) for task in GOOD]
    rollouts = run_episodes(make, Speaker(), jobs, limits=EngineLimits(concurrency=concurrency))
    assert {r.episode.end.status for r in rollouts} == {"completed"}
    assert len(Moody.made) == concurrency and Moody.most <= concurrency


def test_jobs_must_differ_and_be_allowed_to_run(make: Callable[[], Moody]) -> None:
    with pytest.raises(ConfigError, match="same id"):
        run_episodes(make, Speaker(), [Job("good-0"), Job("good-0", seed=3)])
    with pytest.raises(ConfigError, match="concurrency"):
        run_episodes(make, Speaker(), [Job("good-0")], limits=EngineLimits(concurrency=0))
    assert run_episodes(make, Speaker(), []) == [] and not Moody.made
    jobs = [Job("t"), Job("t", 1), Job("t", mode="stepwise"), Job("t", turn=1), Job("t", mode="stepwise", turn=1)]
    assert len({job.id for job in jobs}) == len(jobs)


def test_an_environment_that_cannot_be_made(make: Callable[[], Moody]) -> None:
    attempts: list[int] = []

    def flaky() -> Moody:
        attempts.append(1)
        if len(attempts) == 1:
            raise OSError("no disk")
        return make()

    limits = EngineLimits(concurrency=1)
    rollouts = run_episodes(flaky, Speaker(), [Job("good-0"), Job("good-1")], limits=limits)
    assert ends(rollouts) == {"good-0": ("failed", "environment"), "good-1": ("completed", None)}
    assert "no disk" in str(rollouts[0].episode.end.error)


def test_a_call_that_returns_late_does_not_disturb(make: Callable[[], Moody]) -> None:
    jobs = [Job("step-naps"), *(Job(task, index=i) for i in range(40) for task in GOOD)]
    rollouts = run_episodes(make, Speaker(), jobs, limits=dataclasses.replace(QUICK, concurrency=1))
    assert ends(rollouts[:1]) == {"step-naps": ("failed", "sandbox")}
    assert {r.episode.end.status for r in rollouts[1:]} == {"completed"} and len(Moody.made) == 2


def test_a_callback_that_raises_ends_the_run_and_leaves_nothing(make: Callable[[], Moody]) -> None:
    def full(rollout: Rollout) -> None:
        raise OSError("disk full")

    speaker = Speaker()
    begun = time.monotonic()
    jobs, limits = [Job(task) for task in [*GOOD, "step-hangs"]], EngineLimits(close_timeout=1.0)
    with pytest.raises(OSError, match="disk full"):
        run_episodes(make, speaker, jobs, limits=limits, on_rollout=full)
    assert speaker.closed == 1 and time.monotonic() - begun < 15.0


def test_a_hung_environment_does_not_keep_the_process(python: Callable[..., str], tmp_path: Path) -> None:
    code = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from forge_moody import Moody, Speaker, moody_suite
from forge_train.rollout.engine import EngineLimits, Job, run_episodes
suite = str(moody_suite(Path(sys.argv[2]) / "moody"))
limits = EngineLimits(concurrency=2, reset_timeout=5.0, step_timeout=0.5)
jobs = [Job("step-hangs"), Job("good-0"), Job("good-1")]
print([r.episode.end.status for r in run_episodes(lambda: Moody(suite=suite), Speaker(), jobs, limits=limits)])
"""
    assert python(code, str(Path(__file__).parent), str(tmp_path)) == "['failed', 'completed', 'completed']\n"


def test_too_many_tokens_truncate_and_are_graded(toy_suite: Path) -> None:
    def toy() -> Any:
        return gymnasium.make("forge/ToolUse-v0", suite=str(toy_suite), split=None)

    gold = ScriptedPolicy.gold(toy(), renderer=renderer("small"))
    (whole,) = run_episodes(toy, gold, [Job("add")])
    assert whole.episode.outcome == 1.0 and whole.episode.end.status == "completed"
    (row,) = whole.rows
    second = next(i for i, (t, m) in enumerate(zip(row.turn, row.loss_mask, strict=True)) if m and t == 1)
    (cut,) = run_episodes(toy, gold, [Job("add")], limits=EngineLimits(max_tokens=second))
    assert (cut.episode.end.status, cut.episode.end.reason) == ("truncated", "max_context")
    assert cut.episode.outcome == 0.0 and cut.episode.artifact and len(cut.episode.turns) == 1
    assert cut.rows[0].ids == row.ids[:second]
    (none,) = run_episodes(toy, gold, [Job("decline")], limits=EngineLimits(max_tokens=1))
    assert none.episode.end.reason == "max_context" and none.episode.outcome == 1.0 and none.rows == ()
    (step,) = run_episodes(toy, gold, [Job("add", mode="stepwise")], limits=EngineLimits(max_tokens=1))
    assert step.episode.end.status == "truncated" and step.episode.outcome == 0.0
    (long,) = run_episodes(lambda: gymnasium.make("forge/ToolUse-v0", suite=str(toy_suite), max_steps=1), gold,
                           [Job("add")])  # fmt: skip
    assert (long.episode.end.status, long.episode.end.reason) == ("truncated", "max_steps")


def test_what_an_episode_records(toy_suite: Path) -> None:
    def toy() -> Any:
        return gymnasium.make("forge/ToolUse-v0", suite=str(toy_suite), split=None)

    gold = ScriptedPolicy.gold(toy(), renderer=renderer("small"))
    (rollout,) = run_episodes(toy, gold, [Job("ask", index=2, seed=7)])
    episode = rollout.episode
    assert (episode.id, episode.task_id, episode.seed, episode.policy) == ("ask#2", "ask", 7, "gold")
    assert (episode.env_id, episode.suite, episode.mode) == ("forge/ToolUse-v0", "test/toy", "outcome")
    assert len(episode.tools) == 3 and [m["role"] for m in episode.prompt] == ["system", "user"]
    actions = toy().unwrapped.gold_actions(toy().unwrapped.suite["ask"])
    assert [turn.action for turn in episode.turns] == actions
    assert [turn.message["role"] for turn in episode.turns] == ["assistant"] * 4
    assert episode.turns[0].observation[0]["content"] == "The one about milk."
    assert episode.reward == episode.outcome == 1.0 and episode.turns[-1].components == {"outcome": 1.0}
    (row,) = rollout.rows
    for number, action in enumerate(actions):
        mine = [i for i, t, m in zip(row.ids, row.turn, row.loss_mask, strict=True) if m and t == number]
        assert renderer("small").text(mine) == action
    assert type(episode).from_json(episode.to_json()) == episode


def test_changed_tools_start_a_new_row(make: Callable[[], Moody]) -> None:
    policy = ScriptedPolicy(lambda task: ["one", "two", "three"], renderer=renderer("small"))
    (rollout,) = run_episodes(make, policy, [Job("tools-change")])
    turns = [{t for t, m in zip(row.turn, row.loss_mask, strict=True) if m} for row in rollout.rows]
    assert rollout.episode.outcome == 1.0 and turns == [{0}, {1, 2}]
    assert "late" in renderer("small").tokenizer.decode(list(rollout.rows[1].ids))


class Liar(Speaker):
    """Returns ids that are not its action."""

    renderer = renderer("small")

    async def act(self, request: Any) -> Any:
        return {"policy-ids": Reply("a", ("x",), (0.0,)), "good-0": Reply("a", (5,), (-1.0,))}.get(  # type: ignore
            request.task_id, Reply("a")
        )


def test_a_policy_whose_tokens_are_wrong(make: Callable[[], Moody]) -> None:
    rollouts = run_episodes(make, Liar(), [Job("policy-ids"), Job("good-0"), Job("good-1")])
    assert set(ends(rollouts).values()) == {("failed", "policy")} and [r.rows for r in rollouts] == [()] * 3


def test_a_mode_of_one_job_is_not_that_of_the_next(toy_suite: Path) -> None:
    def toy() -> Any:
        return gymnasium.make("forge/ToolUse-v0", suite=str(toy_suite), split=None)

    jobs = [Job("add", mode="stepwise", turn=1), Job("add"), Job("add", mode="shaped"), Job("ask")]
    rollouts = run_episodes(toy, ScriptedPolicy.gold(toy()), jobs, limits=EngineLimits(concurrency=1))
    assert [r.episode.mode for r in rollouts] == ["stepwise", "outcome", "shaped", "outcome"]
    assert [r.episode.turn for r in rollouts] == [1, None, None, None]
    assert [len(r.episode.turns) for r in rollouts] == [1, 3, 3, 4]
    assert [r.episode.outcome for r in rollouts] == [1.0] * 4


def test_seeds_differ_between_turns_and_episodes(make: Callable[[], Moody]) -> None:
    speaker = Speaker()
    run_episodes(make, speaker, [Job("good-0", index=i, seed=s) for s, i in ((0, 0), (0, 1), (1, 2), (1, 3))])
    seeds = [request.seed for request in speaker.asked]
    assert len(seeds) == 12 == len(set(seeds)) and all(0 <= seed < 2**63 for seed in seeds)
    assert {request.turn for request in speaker.asked} == {0, 1, 2}


def test_the_same_seeds_give_the_same_episodes(toy_suite: Path) -> None:
    def toy() -> Any:
        return gymnasium.make("forge/ToolUse-v0", suite=str(toy_suite), split=None, max_steps=3)

    policy = TransformersPolicy(small_model(), renderer("small"), max_new_tokens=12)
    jobs = [Job(task, index=i, seed=11) for task in ("add", "ask", "decline") for i in range(3)]
    first, second = (run_episodes(toy, policy, jobs, limits=EngineLimits(concurrency=n)) for n in (9, 2))

    def facts(rollout: Rollout) -> Any:
        turns = tuple(dataclasses.replace(turn, seconds={}) for turn in rollout.episode.turns)
        return dataclasses.replace(rollout.episode, turns=turns), [(row.ids, row.loss_mask) for row in rollout.rows]

    assert [facts(r) for r in first] == [facts(r) for r in second]
    for ours, theirs in zip(first, second, strict=True):
        for row, other in zip(ours.rows, theirs.rows, strict=True):
            assert row.logprobs == pytest.approx(other.logprobs, abs=1e-4)
    assert len({r.rows[0].ids for r in first[:3]}) == 3
    other = run_episodes(toy, policy, [dataclasses.replace(job, seed=12) for job in jobs])
    assert [r.rows[0].ids for r in other] != [r.rows[0].ids for r in first]
