"""Environments ahead of training: which rows are good, what is reported of the others, and going on after a stop."""

import json
import os
import shutil
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from toy_repository import FILES, GOLD, ROW, Toy, diff
from typer.testing import CliRunner

from forge_envs import ConfigError, SandboxError, TaskError
from forge_envs.core.task import Task
from forge_envs.swe.env import SWEEnv
from forge_envs.swe.grading import run_tests
from forge_envs.swe.prepare import (
    RowReport,
    check_row,
    check_rows,
    fingerprint_of,
    finished,
    load_rows,
    write_good_rows,
)
from forge_envs.swe.python_env import python_env
from forge_envs.swe.repository import Repository, prepare
from forge_envs.swe.store import make_room
from forge_envs.swe.task import SWETask
from forge_envs.swe.workspace import Site, open_workspace

FLAKY = "import secrets\n\nfrom calc.core import double\n\n\ndef test_more():\n    assert double(7) == 14\n\n\n" + (
    "def test_coin():\n    assert secrets.randbelow(4)\n"
)


def opener(toy: Toy, task: Task) -> Any:
    return toy.open


def row(name: str, **changes: Any) -> Task:
    return Task(name, {**ROW, "instance_id": name, **changes})


def test_good_and_bad_rows(toy: Toy) -> None:
    tasks = [
        toy.task,
        row("wrong-gold", patch=GOLD.replace("n * 2", "n * 3")),
        row("no-fix-needed", FAIL_TO_PASS=["tests/test_core.py::test_half"], PASS_TO_PASS=[]),
        row("no-gold", patch=""),
        row("bad-test-patch", test_patch="diff --git a/x b/x\nnonsense\n"),
    ]
    prints = {task.id: task.id for task in tasks}
    found = {r.instance_id: r for r in check_rows(tasks, partial(opener, toy), fingerprints=prints, repeats=2)}
    good = found[toy.task.id]
    assert good.good and (good.gold_resolved, good.runs, good.flapped, good.problems) == (2, 2, (), ())
    assert len(good.seconds) == 2 and min(good.seconds) > 0
    assert [found[task.id].good for task in tasks[1:]] == [False] * 4
    assert found["wrong-gold"].gold_resolved == 0 and "test_double" in found["wrong-gold"].problems[0]
    assert found["no-fix-needed"].base_resolved and found["no-fix-needed"].gold_resolved == 2
    assert "no gold patch" in found["no-gold"].problems[0]
    assert found["bad-test-patch"].errors or found["bad-test-patch"].problems


def test_a_test_that_flaps(toy: Toy) -> None:
    patch = diff(FILES, {**FILES, "tests/test_more.py": FLAKY})
    coin = "tests/test_more.py::test_coin"
    task = row("flaky", test_patch=patch, FAIL_TO_PASS=["tests/test_more.py::test_more"], PASS_TO_PASS=[coin])
    for _ in range(5):  # twelve runs agree with a probability of 3 in 100
        report = check_row(task, partial(opener, toy), fingerprint="x", repeats=12)
        assert report.runs == 12 and not report.errors
        if report.flapped:
            break
    assert report.flapped == (coin,) and not report.good and 0 < report.gold_resolved < 12
    assert "test_coin" in report.problems[0]


def test_trouble_of_the_machine_is_no_fault_of_the_row(toy: Toy) -> None:
    def fails(task: Task) -> Any:
        raise SandboxError("no daemon")

    report = check_row(toy.task, fails, fingerprint="x")
    assert report.errors == ("SandboxError: no daemon",) and not report.good and not report.problems

    def unexpected(task: Task) -> Any:
        raise OSError("no descriptors")

    assert check_row(toy.task, unexpected, fingerprint="x").errors == ("OSError: no descriptors",)


def test_reports_are_read_again(tmp_path: Path) -> None:
    one, two = (RowReport(name, "f", 3, 3, False, ("t",), (), (), 0.5, (1.0, 2.0, 3.0)) for name in "ab")
    failed = RowReport("c", "f", 0, 0, False, errors=("SandboxError: x",))
    path = tmp_path / "report.jsonl"
    assert finished(path, {"a": "f"}) == {}
    path.write_text(one.line() + two.line() + failed.line() + '{"instance_id": "d", "fin')
    assert finished(path, {"a": "f", "b": "another", "c": "f", "d": "f"}) == {"a": one}
    path.write_text('{"instance_id": "a"}\n')
    with pytest.raises(ConfigError, match=r"report\.jsonl:1"):
        finished(path, {})
    task = row("a")
    assert fingerprint_of(task, repeats=1, about="") != fingerprint_of(task, repeats=2, about="")
    for wrong in ({"repeats": 0}, {"workers": 0}):
        with pytest.raises(ConfigError):
            next(iter(check_rows([task], lambda _: None, fingerprints={}, **wrong)))  # type: ignore[arg-type, return-value]


def test_good_rows_are_a_suite(tmp_path: Path) -> None:
    tasks = load_rows("swe/bundled")
    reports = {t.id: RowReport(t.id, "f", 1, 1, base_resolved=t.id != "forge__rota-31") for t in tasks}
    assert write_good_rows(tmp_path / "good.jsonl", tasks, reports) == 1
    with SWEEnv(suite=f"swebench:{tmp_path}/good.jsonl", split=None) as env:
        _, info = env.reset()
        assert info["task_id"] == "forge__rota-31" and len(env.suite) == 1
    with pytest.raises(TaskError):
        load_rows(str(tmp_path / "nothing"))


def test_the_command(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from forge_train.cli import app

    monkeypatch.setattr("forge_envs.swe.sites.site_of", lambda task, **_: toy.site)
    rows = tmp_path / "rows.jsonl"
    bad = {**ROW, "instance_id": "toy__calc-2", "patch": GOLD.replace("n * 2", "n * 3")}
    rows.write_text(json.dumps(ROW) + "\n" + json.dumps(bad) + "\n")
    report, good = tmp_path / "report.jsonl", tmp_path / "good.jsonl"
    command = ["swe", "prepare", str(rows), "--repeats", "1", "--out", str(report), "--good", str(good)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 1 and "1 rows written" in done.output, done.output
    assert [json.loads(line)["instance_id"] for line in good.read_text().splitlines()] == [ROW["instance_id"]]
    lines = report.read_text()
    kept = [line for line in lines.splitlines() if ROW["instance_id"] in line]
    report.write_text(f'{kept[0]}\n{{"instance_id": "toy__calc-2", "fing')
    again = CliRunner().invoke(app, command)
    assert "1 of 2 rows are in" in again.output and again.exit_code == 1, again.output
    assert report.read_text().startswith(kept[0]) and len(report.read_text().splitlines()) == 2
    assert {json.loads(line)["instance_id"]: json.loads(line)["good"] for line in report.read_text().splitlines()} == {
        "toy__calc-1": True,
        "toy__calc-2": False,
    }


def test_a_repository_of_long_ago_does_not_make_room_for_itself(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forge_train.cli import app

    monkeypatch.setenv("FORGE_CACHE", str(tmp_path / "cache"))
    source = tmp_path / "calc"
    shutil.copytree(toy.folder, source)
    found = []

    def find(task: Task, **_: Any) -> Site:
        site = Site(prepare(Repository(str(source))), toy.site.python)
        os.utime(Path(site.prepared.folder).parent / "head", (1.0, 1.0))
        found.append(site)
        if len(found) == 1:  # another process is quicker than the lease
            assert [one.name for one in make_room(1e-9)] == [Path(site.prepared.folder).parent.name]
        return site

    monkeypatch.setattr("forge_envs.swe.sites.site_of", find)
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROW) + "\n")
    command = ["swe", "prepare", str(tmp_path / "rows.jsonl"), "--repeats", "1", "--disk-gb", "0.000001"]
    done = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "report.jsonl")])
    assert done.exit_code == 0 and len(found) == 2, done.output
    assert (Path(found[1].prepared.folder) / "calc").is_dir()


ALONE = "import os\n\nfrom calc.core import double\n\n\ndef test_more():\n    assert double(7) == 14\n\n\n" + (
    'def test_alone():\n    assert "PYTEST_XDIST_WORKER" not in os.environ\n'
)
TOGETHER = "import os\n\nfrom calc.core import double\n\n\ndef test_more():\n    assert double(7) == 14\n\n\n" + (
    'def test_worker():\n    assert os.environ.get("PYTEST_XDIST_WORKER", "gw0") != "master"\n'
)


def test_only_rows_that_stand_it_are_tested_in_parallel(toy: Toy, tmp_path: Path) -> None:
    site = replace(toy.site, python=python_env(sys.prefix))
    rows = [toy.task]
    for name, text in (("alone", ALONE), ("together", TOGETHER)):
        ids = [f"tests/test_more.py::{line[4:-3]}" for line in text.split("\n") if line.startswith("def ")]
        patch = diff(FILES, {**FILES, "tests/test_more.py": text})
        rows.append(row(name, test_patch=patch, FAIL_TO_PASS=ids[:1], PASS_TO_PASS=ids[1:]))

    def prepared(task: Task) -> Any:
        return partial(open_workspace, site)

    reports = {
        r.instance_id: r for r in check_rows(rows, prepared, fingerprints={t.id: "x" for t in rows}, repeats=2, xdist=2)
    }
    assert all(r.good for r in reports.values()), reports
    assert [reports[task.id].xdist for task in rows] == [True, False, True]
    target = tmp_path / "good.jsonl"
    assert write_good_rows(target, rows, reports) == 3
    alone, together = (SWETask.from_row(task.data) for task in load_rows(str(target))[1:])
    assert (alone.xdist, together.xdist) == (False, True)
    for task, workers, seen in ((together, 2, True), (together, 1, False), (alone, 2, False)):
        run = run_tests(task, GOLD, open_workspace=prepared(toy.task), workers=workers)
        assert run.resolved and ("2 workers" in run.log or "gw0" in run.log) is seen, run.log


def test_without_pytest_xdist_no_row_is_tested_in_parallel(toy: Toy) -> None:
    report = check_row(toy.task, partial(opener, toy), fingerprint="x", repeats=1, xdist=2)
    assert report.good and report.xdist is False
