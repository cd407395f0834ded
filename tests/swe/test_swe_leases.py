"""A prepared repository that is removed at the worst moment: between finding it and opening a workspace on it."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toy_repository import GOLD, ROW, Toy
from typer.testing import CliRunner

from forge_envs import GraderError, SandboxError
from forge_envs.core.task import Task
from forge_envs.swe import env as swe_env
from forge_envs.swe import sites
from forge_envs.swe.env import SWEEnv
from forge_envs.swe.pool import opener
from forge_envs.swe.repository import Repository, prepare
from forge_envs.swe.store import Kept, make_room
from forge_envs.swe.workspace import AnySite
from forge_train.cli import app

Find = Callable[..., AnySite]


@pytest.fixture
def cache(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder that nobody else uses."""
    monkeypatch.setenv("FORGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def rows(toy: Toy, tmp_path: Path) -> Path:
    head = prepare(Repository(str(toy.folder))).head
    path = tmp_path / "rows" / "rows.jsonl"
    path.parent.mkdir()
    path.write_text(json.dumps({**ROW, "repository": str(toy.folder), "base_commit": head}) + "\n")
    return path


def evicting(times: int) -> tuple[Find, list[int]]:
    """`site_of`, and so many times its site is removed before the caller has it; how many were removed, each time."""
    removed: list[int] = []

    def found(*arguments: Any, **options: Any) -> AnySite:
        site = sites.site_of(*arguments, **options)
        if len(removed) < times:
            removed.append(len(make_room(1e-9, grace_s=0.0)))
        return site

    return found, removed


def test_an_episode(cache: Path, rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find, removed = evicting(2)
    monkeypatch.setattr(swe_env, "site_of", find)
    with SWEEnv(suite=f"swebench:{rows}", split=None) as env:
        env.reset(seed=1)
        assert removed == [1, 1] and make_room(1e-9, grace_s=0.0) == [], "it was removed twice, and not in the episode"
        repair, submit = env.gold_actions()
        env.step(repair)
        monkeypatch.setattr(swe_env, "site_of", evicting(1)[0])
        _, reward, *_, info = env.step(submit)
        assert reward == 1.0, info["verdict"]
    assert len(make_room(1e-9, grace_s=0.0)) == 1, "nothing holds it after the episode"


def test_grading_later(cache: Path, rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an episode that holds the repository; where it is removed whenever it is there, there is no verdict."""
    with SWEEnv(suite=f"swebench:{rows}", split=None) as env:
        task = env.suite.tasks[0]
        artifact = {"patch": GOLD, "format_faults": 0}
        find, removed = evicting(2)
        monkeypatch.setattr(swe_env, "site_of", find)
        assert env._grade(task, artifact).reward == 1.0 and removed == [1, 1]
        find, removed = evicting(100)
        monkeypatch.setattr(swe_env, "site_of", find)
        with pytest.raises((SandboxError, GraderError), match="removed to make room"):
            env._grade(task, artifact)
        with pytest.raises(SandboxError, match="removed to make room"):
            env.reset()
        assert all(removed)


def test_the_command(cache: Path, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    removed: list[int] = []
    monkeypatch.setattr(sites, "prepared_for", _evicted(sites.prepared_for, removed, 2))
    out = tmp_path / "out.jsonl"
    arguments = ["grade", "swe", "--rows", str(rows), "--predictions", "gold", "--out", str(out)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0 and removed == [1, 1], done.output
    assert json.loads(out.read_text())["resolved"] is True


def _evicted(prepared_for: Callable[..., Any], removed: list[int], times: int) -> Callable[..., Any]:
    def found(*arguments: Any, **options: Any) -> Any:
        prepared = prepared_for(*arguments, **options)
        if len(removed) < times:
            removed.append(len(make_room(1e-9, grace_s=0.0)))
        return prepared

    return found


def test_an_opener_of_each_of_many_threads(cache: Path, toy: Toy) -> None:
    """One thread removes whatever nobody holds, others open: no error, and nothing is removed under a workspace."""
    head = prepare(Repository(str(toy.folder))).head
    task = Task(toy.task.id, {**ROW, "repository": str(toy.folder), "base_commit": head})
    stop, failed, removed = threading.Event(), list[str](), list[Kept]()

    def evict_once() -> None:
        removed.extend(make_room(1e-9, grace_s=0.0))

    def evict() -> None:
        while not stop.wait(0.05):
            evict_once()

    together = threading.Barrier(3, evict_once, timeout=120)  # a moment when nobody holds it

    def work() -> None:
        try:
            for _ in range(3):
                together.wait()
                with opener(lambda: sites.site_of(task, suites=[str(toy.folder.parent)]))[1]() as sandbox:
                    if sandbox.run("git status --porcelain && cat README.md").stdout != b"Calculations.\n":
                        failed.append("not the repository")
                del sandbox
        except Exception as error:
            failed.append(repr(error))

    threads = [threading.Thread(target=work) for _ in range(3)]
    evictor = threading.Thread(target=evict)
    evictor.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    stop.set()
    evictor.join(120)
    assert not failed and removed
