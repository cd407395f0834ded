"""Whole logs, summaries, predictions and task repositories: the same as swebench 5.0.2 makes and reads.

See `test_swebench_conformance` for the Python that these need.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from swebench_logs import lines_of
from swebench_oracle import REASON, Oracle, oracle_python
from test_swe_rows import write_task_repo
from toy_repository import GOLD, ROW

from forge_envs.swe.eval_report import eval_report
from forge_envs.swe.predictions import Prediction, prediction_line, read_predictions
from forge_envs.swe.report import Result, instance_report, read_report, reason_of, summary_report
from forge_envs.swe.rows import swe_rows
from forge_envs.swe.task import SWETask

pytestmark = pytest.mark.skipif(oracle_python() is None, reason=REASON)
FUZZ = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
ROWS = Path(__file__).resolve().parents[2] / "../shared/data/swebench/rows.jsonl"
START, END = ": '>>>>> Start Test Output'", ": '>>>>> End Test Output'"


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    one = Oracle()
    yield one
    one.close()


MARKS = st.sampled_from(
    [
        *(START, END, ">>>>> Test Exit Code: 0", ">>>>> Test Exit Code: 1", ">>>>> Tests Timed Out", "Killed", "a\rb"),
        *("no tests ran in 0.01s", "Executed 5 of 5", "Executed 0 of 0", "3 passing", "Cannot allocate memory", "\r"),
        *("PASSED tests/a.py::one", "FAILED tests/a.py::two - x", "SKIPPED tests/a.py::one", "ERROR tests/a.py::two"),
    ]
)


@pytest.mark.parametrize("eval_type", ["pass_and_fail", "fail_only"])
@pytest.mark.parametrize("parser", ["parse_log_pytest", "parse_log_django", "parse_log_sympy"])
def test_whole_logs(oracle: Oracle, parser: str, eval_type: str) -> None:
    seen = set()

    @FUZZ
    @given(
        st.lists(MARKS | lines_of(parser), max_size=6),
        st.lists(MARKS | lines_of(parser), max_size=6),
        st.lists(MARKS, max_size=2),
        st.booleans(),
    )
    def fuzz(before: list[str], inside: list[str], after: list[str], bracketed: bool) -> None:
        ends = ([START], [END]) if bracketed else ([], [])
        log = "\n".join([*(before[:1] if bracketed else before), *ends[0], *inside, *ends[1], *after])
        f2p, p2p = ["tests/a.py::one", "test_a"], ["tests/a.py::two", "test_a (b.C)"]
        row = {**ROW, "log_parser": parser, "eval_type": eval_type, "FAIL_TO_PASS": f2p[:1], "PASS_TO_PASS": p2p}
        theirs = oracle.ask("report", row=row, patch=GOLD, log=log)
        assert theirs is None or eval_report(SWETask.from_row(row), GOLD, log) == theirs, log
        if theirs is not None:
            (one,) = theirs.values()
            seen.add((one["resolved"], one["patch_successfully_applied"], one["infra_failure"]))

    fuzz()
    assert len(seen) > 2
    row = {**ROW, "log_parser": parser, "eval_type": eval_type}
    assert eval_report(SWETask.from_row(row), None, "") == oracle.ask("report", row=row, patch=None, log="")


@pytest.mark.skipif(not ROWS.is_file(), reason="SWE-bench rows are not here")
def test_real_rows(oracle: Oracle) -> None:
    for row in swe_rows(ROWS):
        task = SWETask.from_row(row)
        tests = [*task.fail_to_pass, *task.pass_to_pass]
        if task.log_parser == "parse_log_sympy":
            lines = [f"{test} ok" for test in tests]
        else:
            lines = [f"PASSED {test}" for test in tests]
        for changed in (lines, lines[1:], [*lines, lines[0].replace(" ok", " F").replace("PASSED", "FAILED")]):
            log = "\n".join([START, *changed, END])
            report = eval_report(task, GOLD, log)
            assert report == oracle.ask("report", row=row, patch=GOLD, log=log)
            assert report[task.id]["resolved"] is (changed is lines)


def test_summaries(oracle: Oracle, tmp_path: Path) -> None:
    patches = {"good": GOLD, "bad": GOLD, "memory": GOLD, "empty": "", "none": None, "failed": GOLD, "elsewhere": GOLD}
    patches |= {"unfit": GOLD, "slow": GOLD, "blank": "\n"}
    predictions = {name: Prediction(name, patch, "lab/model") for name, patch in patches.items()}
    instances = ["bad", "good", "memory", "empty", "none", "failed", "absent", "unfit", "slow", "blank"]
    logs = {"good": "fine", "bad": "ModuleNotFoundError: x", "memory": "Killed\n"}
    results = [
        Result(name, "lab/model", name == "good", True, {}, reason=reason_of(log, name == "good"))
        for name, log in logs.items()
    ]
    results.append(Result("failed", "lab/model", None, False, {}, infrastructure_error="SandboxError: gone"))
    # As run_instance of swebench: no report where a patch does not apply, or after a timeout.
    slow = "\n\nTimeout error: 3 seconds exceeded."
    results.append(Result("slow", "lab/model", False, True, {}, reason=reason_of(slow, False), timed_out=True))
    results += [Result(name, "lab/model", False, False, {}, empty=name == "blank") for name in ("unfit", "blank")]
    files = {"logs/run_evaluation/run1/lab__model/slow/test_output.txt": slow}
    for result in results[:3]:
        folder = f"logs/run_evaluation/run1/lab__model/{result.instance_id}"
        files[f"{folder}/test_output.txt"] = logs[result.instance_id]
        files[f"{folder}/report.json"] = json.dumps(instance_report(result))
    files["logs/run_evaluation/run1/lab__model/unfit/run_instance.log"] = ">>>>> Patch Apply Failed:\nerror: x\n"
    theirs = oracle.ask(
        "summary",
        run_id="run1",
        files=files,
        rows=[{"instance_id": name} for name in instances],
        predictions={name: json.loads(prediction_line(one)) for name, one in predictions.items()},
    )
    ours = summary_report(instances, predictions, results)
    assert ours == theirs["report"] and list(ours) == list(theirs["report"])
    (tmp_path / theirs["name"]).write_text(json.dumps(theirs["report"]))
    read = read_report(tmp_path / theirs["name"])
    verdicts = {"good": True, "bad": False, "memory": False, "empty": False, "none": False}
    assert read == {**verdicts, **dict.fromkeys(("failed", "unfit", "slow", "blank"))}


def test_predictions_files(oracle: Oracle, tmp_path: Path) -> None:
    made = [Prediction("a__b-1", GOLD, "m"), Prediction("a__b-2", "bär\u2028\n", "m"), Prediction("a__b-3", None, "m")]
    (tmp_path / "p.jsonl").write_text("".join(prediction_line(one) + "\n" for one in made))
    (tmp_path / "p.json").write_text(json.dumps({one.instance_id: json.loads(prediction_line(one)) for one in made}))
    for name in ("p.jsonl", "p.json"):
        theirs = oracle.ask("predictions", path=str(tmp_path / name))
        ours = read_predictions(tmp_path / name)
        assert [(p["instance_id"], p["model_patch"], p["model_name_or_path"]) for p in theirs] == [
            (one.instance_id, one.patch, one.model) for one in ours.values()
        ]
        assert list(ours.values()) == made


def test_task_repos(oracle: Oracle, tmp_path: Path) -> None:
    pytest.importorskip("yaml", reason="PyYAML is not installed")
    row: dict[str, Any] = {**ROW, "patch": GOLD.replace("\n", "\r\n"), "hints_text": ""}
    folder = write_task_repo(tmp_path / "repo", row)
    theirs = oracle.ask("task_repo", path=str(folder))
    ours = [*swe_rows(folder), *swe_rows(f"{folder}#deprecated")]
    assert theirs is not None and sorted(ours, key=lambda one: one["instance_id"]) == theirs
