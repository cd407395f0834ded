"""swebench's answers. Runs in the oracle's Python, which has swebench 5.0.2, and reads one JSON line for each question.

Not a test: `swebench_oracle.py` starts it. It must not import anything of Forge.
"""

import atexit
import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.chdir(tempfile.mkdtemp())
atexit.register(shutil.rmtree, os.getcwd(), ignore_errors=True)

from swebench.harness import grading, log_parsers, reporting, utils  # noqa: E402
from swebench.task import repo  # noqa: E402


def _spec(row):
    return utils.make_test_spec({"image": "", "version": "", "eval_script": "", **row})


def _parse(question):
    row = {"instance_id": "a__b-1", "repo": "a/b", "FAIL_TO_PASS": [], "PASS_TO_PASS": [], "eval_type": ""}
    spec = _spec({**row, "log_parser": question["name"], **question.get("row", {})})
    return log_parsers.PARSER_REGISTRY[question["name"]](question["log"], spec)


def _lists(question):
    gold = {"FAIL_TO_PASS": question["f2p"], "PASS_TO_PASS": question["p2p"]}
    return grading.get_eval_tests_report(question["statuses"], gold, eval_type=grading.EvalType(question["eval_type"]))


def _report(question):
    Path("log.txt").write_text(question["log"])
    prediction = {"instance_id": question["row"]["instance_id"], "model_patch": question["patch"]}
    return grading.get_eval_report(_spec(question["row"]), prediction, "log.txt", True)


def _summary(question):
    """swebench's summary of the instances' reports, which lie in folders of ``logs/run_evaluation``."""
    for path, text in question["files"].items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)
    written = reporting.make_run_report(question["predictions"], question["rows"], question["run_id"])
    return {"name": written.name, "report": json.loads(written.read_text())}


def _predictions(question):
    return utils.get_predictions_from_file(question["path"], "", "test")


def _task_repo(question):
    return repo.load_task_repo(question["path"])


ANSWERS = {
    "parse": _parse,
    "lists": _lists,
    "report": _report,
    "summary": _summary,
    "predictions": _predictions,
    "task_repo": _task_repo,
    "names": lambda question: sorted(log_parsers.PARSER_REGISTRY),
}

for line in sys.stdin:
    asked = json.loads(line)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            answer = {"answer": ANSWERS[asked["kind"]](asked)}
        except Exception as error:
            answer = {"raised": f"{type(error).__name__}: {error}"[:200]}
    sys.__stdout__.write(json.dumps(answer) + "\n")
    sys.__stdout__.flush()
