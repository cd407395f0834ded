"""The record of a run: append-only, cut lines dropped, finished jobs never run again."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from forge_moody import Moody, Speaker, moody_suite
from forge_tiny import renderer

from forge_envs.core.errors import TaskError
from forge_train.policies.scripted import ScriptedPolicy
from forge_train.rollout.engine import Job, run_episodes
from forge_train.rollout.store import EpisodeStore

JOBS = [Job("good-0"), Job("step-sandbox"), Job("good-1"), Job("good-1", index=1)]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Moody]:
    """Makes the moody environment."""
    suite = moody_suite(tmp_path_factory.mktemp("suites") / "moody")
    return lambda: Moody(suite=str(suite))


def lines(path: Path) -> list[str]:
    """The ids in a file of the record."""
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def test_a_resumed_run_leaves_out_what_is_finished(make: Callable[[], Moody], tmp_path: Path) -> None:
    store = EpisodeStore(tmp_path / "new" / "run")
    assert store.remaining(JOBS) == JOBS and list(store.episodes()) == []
    rollouts = run_episodes(make, Speaker(), JOBS[:3], on_rollout=store.write)
    again = EpisodeStore(tmp_path / "new" / "run")
    assert again.remaining(JOBS) == [JOBS[1], JOBS[3]]
    assert sorted(e.id for e in again.episodes()) == ["good-0#0", "good-1#0"]
    assert lines(again.folder / "failures.jsonl") == ["step-sandbox#0"]
    done = {r.episode.id: r.episode for r in rollouts}
    assert all(done[episode.id] == episode for episode in again.episodes())
    asked = Speaker()
    run_episodes(make, asked, again.remaining(JOBS), on_rollout=again.write)
    assert {request.task_id for request in asked.asked} == {"step-sandbox", "good-1"}
    assert lines(again.folder / "failures.jsonl") == ["step-sandbox#0"] * 2
    assert sorted(lines(again.folder / "episodes.jsonl")) == ["good-0#0", "good-1#0", "good-1#1"]
    assert not (again.folder / "tokens.jsonl").exists()


def test_a_cut_line_is_dropped_and_its_job_runs_again(make: Callable[[], Moody], tmp_path: Path) -> None:
    store = EpisodeStore(tmp_path)
    run_episodes(make, Speaker(), [JOBS[0], JOBS[2]], on_rollout=store.write)
    path = tmp_path / "episodes.jsonl"
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in (first, first + 1, len(whole) - 1):
        path.write_bytes(whole[:cut])
        reopened = EpisodeStore(tmp_path)
        assert path.read_bytes() == whole[:first]
        assert len(reopened.remaining([JOBS[0], JOBS[2]])) == 1
    path.write_bytes(whole[:5])
    assert EpisodeStore(tmp_path).remaining(JOBS) == JOBS and path.read_bytes() == b""


def test_line_separators_and_surrogates_stay_in_their_line(make: Callable[[], Moody], tmp_path: Path) -> None:
    store = EpisodeStore(tmp_path)
    texts = ["a\u2028b\u2029c\x85d\re", "half \ud800 a pair", "\x00\n\n", "end"]
    run_episodes(make, ScriptedPolicy(lambda task: texts), [JOBS[0]], on_rollout=store.write)
    (episode,) = EpisodeStore(tmp_path).episodes()
    assert [turn.action for turn in episode.turns] == texts


def test_tokens_are_kept_when_asked(make: Callable[[], Moody], tmp_path: Path) -> None:
    store = EpisodeStore(tmp_path, tokens=True)
    policy = ScriptedPolicy(lambda task: ["one", "two", "three"], renderer=renderer("small"))
    (rollout,) = run_episodes(make, policy, [JOBS[0]], on_rollout=store.write)
    (line,) = [json.loads(text) for text in (tmp_path / "tokens.jsonl").read_text().splitlines()]
    assert line["id"] == "good-0#0" and tuple(line["rows"][0]["ids"]) == rollout.rows[0].ids
    assert tuple(line["rows"][0]["loss_mask"]) == rollout.rows[0].loss_mask


def test_a_record_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "episodes.jsonl").write_text('{"version": 99}\n')
    with pytest.raises(TaskError, match="version 99"):
        EpisodeStore(tmp_path).remaining(JOBS)
