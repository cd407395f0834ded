"""`forge grade swe` on the bundled suite and on a toy repository; predictions and reports in swebench's formats."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from toy_repository import FILES, FIXED, GOLD, ROW, Toy, diff
from typer.testing import CliRunner

from forge_envs import TaskError
from forge_envs.core import task as task_module
from forge_envs.core.episode import End, Episode
from forge_envs.core.errors import SandboxError
from forge_envs.core.task import Task, tasks_root
from forge_envs.sandbox.base import Sandbox
from forge_envs.swe.offline import grade_predictions
from forge_envs.swe.predictions import Prediction, prediction_line, predictions_of, read_predictions
from forge_envs.swe.report import Result, instance_report, read_report, summary_report
from forge_envs.swe.sites import setting
from forge_train.cli import app

WRONG = diff(FILES, {**FILES, "calc/core.py": FIXED.replace("n / 2", "n / 3")})
PATCHES = {
    "gold": GOLD,
    "wrong": WRONG,
    "unfit": GOLD.replace("return n + 2", "return n - 2"),
    "empty": "",
    "none": None,
}


def _tasks(names: list[str]) -> list[Task]:
    return [Task(f"toy__{name}-1", {**ROW, "instance_id": f"toy__{name}-1"}) for name in names]


def _grade(toy: Toy, names: list[str], workers: int = 2) -> dict[str, Result]:
    predictions = {f"toy__{name}-1": Prediction(f"toy__{name}-1", PATCHES[name], "a/b") for name in names}
    graded = grade_predictions(_tasks(names), predictions, open_workspace=lambda task: toy.open(), workers=workers)
    return {result.instance_id.split("__")[1][:-2]: result for result, _ in graded}


def test_verdicts(toy: Toy) -> None:
    found = _grade(toy, list(PATCHES))
    assert {name: one.resolved for name, one in found.items()} == {
        "gold": True,
        "wrong": False,
        "unfit": False,
        "empty": False,
        "none": False,
    }
    assert {name for name, one in found.items() if one.applied} == {"gold", "wrong"}
    assert {name for name, one in found.items() if one.empty} == {"empty", "none"}
    assert found["wrong"].tests_status["PASS_TO_PASS"] == {"success": [], "failure": ["tests/test_core.py::test_half"]}
    assert found["unfit"].problem == "the patch does not apply" and found["gold"].problem is None
    schema = json.loads((tasks_root() / "schemas" / "swe_grade.schema.json").read_text())
    for one in found.values():
        jsonschema.validate(one.to_line(), schema)
        assert Result.from_line(json.loads(json.dumps(one.to_line()))).to_line() == one.to_line()
        assert one.infrastructure_error is None
    report = instance_report(found["gold"])["toy__gold-1"]
    assert report["resolved"] and set(report["tests_status"]) > {"FAIL_TO_PASS", "PASS_TO_FAIL"}


def test_what_is_not_the_patchs_fault_is_no_verdict(toy: Toy) -> None:
    def broken(task: Task) -> Sandbox:
        raise SandboxError("Cannot connect to the Docker daemon")

    predictions = {"toy__gold-1": Prediction("toy__gold-1", GOLD, "m"), "other": Prediction("other", GOLD)}
    tasks = _tasks(["gold", "absent"])
    ((result, log),) = grade_predictions(tasks, predictions, open_workspace=broken)
    jsonschema.validate(result.to_line(), json.loads((tasks_root() / "schemas" / "swe_grade.schema.json").read_text()))
    assert result.resolved is None and "Docker daemon" in str(result.infrastructure_error) and log == ""
    summary = summary_report([task.id for task in tasks], predictions, [result])
    assert summary["error_ids"] == summary["infra_failure_ids"] == ["toy__gold-1"]
    assert summary["failure_reasons"] == {"toy__gold-1": "container_unavailable"}
    assert summary["incomplete_ids"] == ["toy__absent-1"] and summary["completed_instances"] == 0
    broken_task = Task("toy__gold-1", {**ROW, "instance_id": "toy__gold-1", "log_parser": "parse_log_klingon"})
    ((result, _),) = grade_predictions([broken_task], predictions, open_workspace=lambda task: toy.open())
    assert "parse_log_klingon" in str(result.infrastructure_error)


def test_an_unexpected_exception_is_one_instances(toy: Toy) -> None:
    def broken(task: Task) -> Sandbox:
        if task.id == "toy__wrong-1":
            raise MemoryError("no memory")
        return toy.open()

    names = ["wrong", "gold"]
    predictions = {f"toy__{name}-1": Prediction(f"toy__{name}-1", PATCHES[name]) for name in names}
    found = {one.instance_id: one for one, _ in grade_predictions(_tasks(names), predictions, open_workspace=broken)}
    assert found["toy__wrong-1"].infrastructure_error == "MemoryError: no memory" and found["toy__gold-1"].resolved
    assert found["toy__wrong-1"].resolved is None


def test_timeouts_and_patches_that_do_not_apply_are_errors_of_swebench(toy: Toy) -> None:
    slow = Task("toy__gold-1", {**ROW, "instance_id": "toy__gold-1", "test_cmd": "sleep 300; pytest -rA"})
    predictions = {f"toy__{name}-1": Prediction(f"toy__{name}-1", PATCHES[name]) for name in ("gold", "unfit", "wrong")}
    tasks = [slow, *_tasks(["unfit"])]
    graded = list(grade_predictions(tasks, predictions, open_workspace=lambda task: toy.open(), timeout_s=3.0))
    found = {result.instance_id: result for result, _ in graded}
    assert found["toy__gold-1"].timed_out and found["toy__gold-1"].resolved is False, "it is a verdict all the same"
    assert graded[0][1].endswith("Timeout error: 3 seconds exceeded.")
    schema = json.loads((tasks_root() / "schemas" / "swe_grade.schema.json").read_text())
    jsonschema.validate(found["toy__gold-1"].to_line(), schema)
    assert Result.from_line(found["toy__gold-1"].to_line()).timed_out
    wrong = Result("toy__wrong-1", "m", False, True, {})
    summary = summary_report([*found, "toy__wrong-1"], predictions, [*found.values(), wrong])
    assert summary["error_ids"] == ["toy__gold-1", "toy__unfit-1"]
    assert summary["completed_ids"] == summary["unresolved_ids"] == ["toy__wrong-1"]
    assert summary["failure_reasons"] == {"toy__gold-1": "tests_timed_out"}


def test_workers_are_bounded_and_stop(toy: Toy) -> None:
    most = now = 0
    lock = threading.Lock()

    def counted(task: Task) -> Sandbox:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.05)
        with lock:
            now -= 1
        return toy.open()

    names = ["gold", "wrong", "unfit"]
    predictions = {f"toy__{name}-1": Prediction(f"toy__{name}-1", PATCHES[name]) for name in names}
    results = list(grade_predictions(_tasks(names), predictions, open_workspace=counted, workers=2))
    assert len(results) == 3 and most <= 2

    slow = Task("toy__gold-1", {**ROW, "instance_id": "toy__gold-1", "test_cmd": "sleep 300; pytest -rA"})
    quick = Task("toy__unfit-1", {**ROW, "instance_id": "toy__unfit-1"})
    start = time.monotonic()
    graded = grade_predictions([slow, quick], predictions, open_workspace=lambda task: toy.open(), workers=2)
    assert next(graded)[0].instance_id == "toy__unfit-1"
    graded.close()
    assert time.monotonic() - start < 60, "closing ends what still runs"


@pytest.fixture
def rows(toy: Toy, tmp_path: Path) -> Path:
    """Rows whose repository is a folder of a suite."""
    suite = tmp_path / "suite"
    suite.mkdir()
    (suite / "suite.toml").write_text(
        'name = "swe/toy"\nenv = "forge/SWE-v0"\nschema = "any.json"\n'
        'description = "A toy."\nlicense = "MIT"\nversion = 1\n'
        '[splits]\ntrain = ["tasks.jsonl"]\n'
    )
    (suite / "any.json").write_text("{}")
    (suite / "calc").symlink_to(toy.folder)
    base = toy.site.prepared.head
    lines = [
        {**ROW, "id": task.id, "instance_id": task.id, "repository": "calc", "base_commit": base}
        for task in _tasks(["gold", "wrong", "empty", "absent"])
    ]
    (suite / "tasks.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return suite


def _write(path: Path, patches: dict[str, str | None]) -> Path:
    lines = [prediction_line(Prediction(f"toy__{name}-1", patch, "lab/model")) for name, patch in patches.items()]
    path.write_text("".join(line + "\n" for line in lines))
    return path


def test_the_command(rows: Path, tmp_path: Path) -> None:
    given = _write(tmp_path / "p.jsonl", {"gold": GOLD, "wrong": WRONG, "empty": "", "elsewhere": GOLD})
    out, report, logs = tmp_path / "out.jsonl", tmp_path / "report.json", tmp_path / "logs"
    arguments = ["grade", "swe", "--rows", str(rows), "--predictions", str(given), "--workers", "2"]
    files = ["--out", str(out), "--report", str(report), "--logs", str(logs)]
    done = CliRunner().invoke(app, [*arguments, *files])
    assert done.exit_code == 0, done.output
    lines = {line["instance_id"]: line for line in map(json.loads, out.read_text().splitlines())}
    assert {name: line["resolved"] for name, line in lines.items()} == {
        "toy__gold-1": True,
        "toy__wrong-1": False,
        "toy__empty-1": False,
    }
    assert lines["toy__gold-1"]["FAIL_TO_PASS"] == {"success": ROW["FAIL_TO_PASS"], "failure": []}
    summary = json.loads(report.read_text())
    assert summary["schema_version"] == 2 and summary["submitted_instances"] == 4
    assert summary["incomplete_ids"] == ["toy__absent-1"] and summary["empty_patch_ids"] == ["toy__empty-1"]
    assert read_report(report) == {"toy__gold-1": True, "toy__wrong-1": False, "toy__empty-1": False}
    assert read_report(logs / "lab__model") == {"toy__gold-1": True, "toy__wrong-1": False}
    assert "test_double" in (logs / "lab__model" / "toy__gold-1" / "test_output.txt").read_text()

    # A second run grades nothing again, but a patch that changed, a line without its end, and what had failed.
    first = out.read_text()
    assert CliRunner().invoke(app, [*arguments, *files]).exit_code == 0 and out.read_text() == first
    failed = {**lines["toy__gold-1"], "resolved": None, "infrastructure_error": "SandboxError: no disk"}
    out.write_text(json.dumps(failed) + "\n" + json.dumps(lines["toy__wrong-1"]) + "\n" + '{"instance_id": "toy__em')
    _write(given, {"gold": GOLD, "wrong": GOLD, "empty": ""})
    done = CliRunner().invoke(app, [*arguments, *files])
    again = [json.loads(line) for line in out.read_text().splitlines()]
    assert sorted((line["instance_id"], line["resolved"]) for line in again) == [
        ("toy__empty-1", False),
        ("toy__gold-1", True),
        ("toy__wrong-1", True),
    ]
    # Verdicts of other instances stay; those of another row, another Python or another time limit do not.
    other = json.dumps({**lines["toy__wrong-1"], "instance_id": "other__line-1", "fingerprint": ""})
    told = [{**line, "problem": "an old verdict"} for line in again]
    out.write_text("".join(json.dumps(line) + "\n" for line in told) + other + "\n")
    written = (rows / "tasks.jsonl").read_text()
    (rows / "tasks.jsonl").write_text(written.replace("double(5) gives 7", "double(5) gave 7", 1))
    task_module._load_folder.cache_clear()
    assert CliRunner().invoke(app, [*arguments, *files]).exit_code == 0
    by_id = {line["instance_id"]: line for line in map(json.loads, out.read_text().splitlines())}
    assert set(by_id) == {"toy__gold-1", "toy__wrong-1", "toy__empty-1", "other__line-1"}
    assert by_id["other__line-1"] == json.loads(other)
    old = {name for name, line in by_id.items() if line["problem"] == "an old verdict"}
    assert old == {"toy__wrong-1", "toy__empty-1"}, "the row of toy__gold-1 has changed"
    assert json.loads(report.read_text())["submitted_instances"] == 3
    assert CliRunner().invoke(app, [*arguments, *files, "--timeout", "900"]).exit_code == 0
    assert "an old verdict" not in out.read_text() and "other__line-1" in out.read_text()

    done = CliRunner().invoke(app, [*arguments[:-4], "--predictions", "gold"])
    assert done.exit_code == 0 and done.stdout.count('"resolved": true') == 4
    assert CliRunner().invoke(app, [*arguments, "--sandbox", "docker", *files[:1], str(tmp_path / "d")]).exit_code == 1


def test_wrong_use_is_one_sentence(rows: Path, tmp_path: Path) -> None:
    given = _write(tmp_path / "p.jsonl", {"elsewhere": GOLD})
    cases = {
        "none of its 1 instances": [str(rows), str(given)],
        "No such file": [str(tmp_path / "absent.jsonl"), "gold"],
        "not of forge/SWE-v0": ["tool_use/library", "gold"],
        "p.json": [str(rows), str(tmp_path / "p.json")],
    }
    for why, (source, predictions) in cases.items():
        done = CliRunner().invoke(app, ["grade", "swe", "--rows", source, "--predictions", predictions])
        assert done.exit_code == 2 and why in done.output.replace("\n", ""), done.output


def test_predictions(tmp_path: Path) -> None:
    lines = [
        {"instance_id": f"a__b-{i}", "model_name_or_path": "m", "model_patch": p} for i, p in enumerate((GOLD, None))
    ]
    (tmp_path / "a.json").write_text(json.dumps(lines))
    (tmp_path / "b.json").write_text(json.dumps({line["instance_id"]: line for line in lines}))
    (tmp_path / "c.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + "\n\n")
    for name in ("a.json", "b.json", "c.jsonl"):
        read = read_predictions(tmp_path / name)
        assert [(one.instance_id, one.patch, one.model) for one in read.values()] == [
            ("a__b-0", GOLD, "m"),
            ("a__b-1", None, "m"),
        ]
    venv = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    before = setting(python=tmp_path / "venv")
    (venv / "numpy-2.0.dist-info").mkdir(parents=True)
    assert before != setting(python=tmp_path / "venv"), "what was installed meanwhile counts"
    assert before == setting(python=tmp_path / "venv", sandbox="local")[:3] != setting(sandbox="docker")
    assert read_predictions("gold", [Task(ROW["instance_id"], ROW)])["toy__calc-1"].patch == GOLD
    bad: dict[str, Any] = {
        "twice": lines[:1] * 2,
        "instance_id": [{}],
        "expected texts": [{**lines[0], "model_patch": 3}],
    }
    for why, held in {**bad, "expected a list": 3}.items():
        (tmp_path / "bad.json").write_text(json.dumps(held))
        with pytest.raises(TaskError, match=why):
            read_predictions(tmp_path / "bad.json")


def test_predictions_of_episodes(tmp_path: Path) -> None:
    def episode(task: str, artifact: dict[str, Any] | None, number: int = 0) -> Episode:
        end = End("completed") if artifact else End("failed", boundary="sandbox")
        about = {"env_id": "forge/SWE-v0", "suite": "s", "suite_hash": "h", "mode": "outcome", "policy": "scripted"}
        empty: Any = {"prompt": (), "tools": (), "turns": ()}
        return Episode(id=f"{task}#{number}", task_id=task, seed=0, end=end, artifact=artifact, **about, **empty)

    made = [
        episode("a", None),
        episode("a", {"patch": "\n"}, 1),
        episode("a", {"patch": GOLD}, 2),
        episode("a", {"patch": WRONG}, 3),
        episode("a", {"patch": ""}, 4),
        episode("b", {"patch": ""}),
    ]
    assert [(p.instance_id, p.patch, p.model) for p in predictions_of(made)] == [
        ("a", GOLD, "scripted"),
        ("b", "", "scripted"),
    ]
    with pytest.raises(TaskError, match="no episode of forge/SWE-v0"):
        list(predictions_of([episode("a", {"state": {}})]))
    (tmp_path / "episodes.jsonl").write_text("".join(one.to_json() + "\n" for one in made))
    done = CliRunner().invoke(
        app, ["swe", "predictions", str(tmp_path), "--out", str(tmp_path / "p.jsonl"), "--model", "lab/m"]
    )
    assert done.exit_code == 0, done.output
    read = read_predictions(tmp_path / "p.jsonl")
    assert {name: (one.patch, one.model) for name, one in read.items()} == {"a": (GOLD, "lab/m"), "b": ("", "lab/m")}


def test_reports_that_are_none(tmp_path: Path) -> None:
    for text in ("[]", "{}", '{"resolved_ids": 3}', '{"resolved_ids": [3]}', "{", '{"a": {"b": 1}}'):
        (tmp_path / "r.json").write_text(text)
        with pytest.raises(TaskError, match=r"r\.json"):
            read_report(tmp_path / "r.json")
    with pytest.raises(TaskError, match=r"no report\.json"):
        read_report(tmp_path)
