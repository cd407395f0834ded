"""Commands that select tests, and test files with marks: canaries must run there too, and must not cost a repair."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_redteam import INIT, PATCH_REPORTS
from toy_repository import FILES, GOLD, NEW_TEST, ROW, Toy, diff

from forge_envs import Task
from forge_envs.core.rewards import Verdict
from forge_envs.swe.grading import grade
from forge_envs.swe.selection import label_of_part, marks_spare, selected_by_id, with_names

FORCED = {
    **FILES,
    "calc/__init__.py": INIT
    + PATCH_REPORTS.format(condition='report.outcome = "passed" if "test_core.py" in item.nodeid else report.outcome'),
}
ONE_FILE = {"FAIL_TO_PASS": ROW["FAIL_TO_PASS"][:1]}


def judged(toy: Toy, artifact: str, **row: object) -> Verdict:
    task = Task(toy.task.id, {**toy.task.data, **row})
    return grade(task, {"patch": artifact, "format_faults": 0}, open_workspace=toy.open, timeout_s=60)


@pytest.mark.parametrize(
    "command",
    [
        "python -m pytest -rA -k 'test_double or test_half'",
        'python -m pytest -rA -k "test_double or test_half" tests/test_core.py',
        "python -m pytest -rA -ktest_ -k=double tests",
        "python -m pytest -rA tests/test_core.py::test_double tests/test_core.py::test_half",
        "python -m pytest -rA ./tests/test_core.py::test_double",
        "python -m pytest -rA tests/test_core.py::test_half tests/test_core.py",
    ],
)
def test_a_command_that_selects(toy: Toy, command: str) -> None:
    row = {**ONE_FILE, "test_cmd": command}
    if "test_half" not in command:
        row["PASS_TO_PASS"] = []
    verdict = judged(toy, GOLD, **row)
    assert verdict.reward == 1.0, verdict.details
    forced = judged(toy, diff(FILES, FORCED), **row)
    assert forced.reward == 0.0 and "must fail" in str(forced.details["problem"]), forced.details


@pytest.mark.parametrize(
    "mark",
    [
        "pytestmark = pytest.mark.skipif(False, reason='no')",
        "pytestmark = [pytest.mark.filterwarnings('ignore'), pytest.mark.skipif(False, reason='no')]",
    ],
)
def test_a_file_whose_marks_do_nothing_has_a_pair(toy: Toy, mark: str) -> None:
    marked = diff(FILES, {**FILES, "tests/test_core.py": f"import pytest\n\n{NEW_TEST}\n{mark}\n"})
    row = {**ONE_FILE, "test_patch": marked}
    assert judged(toy, GOLD, **row).reward == 1.0
    forced = judged(toy, diff(FILES, FORCED), **row)
    assert forced.reward == 0.0 and "must fail" in str(forced.details["problem"]), forced.details


@pytest.mark.parametrize("mark", ["parametrize('n', [1])", "xfail(strict=False)", "usefixtures('tmp_path')"])
def test_a_file_with_other_marks_does_not_cost_a_repair(toy: Toy, mark: str) -> None:
    text = NEW_TEST.replace("():", "(n):") if "param" in mark else NEW_TEST
    marked = diff(FILES, {**FILES, "tests/test_core.py": f"import pytest\n\n{text}\npytestmark = pytest.mark.{mark}\n"})
    row = {**ONE_FILE, "test_patch": marked, "PASS_TO_PASS": []}
    if "param" in mark:
        row["FAIL_TO_PASS"] = ["tests/test_core.py::test_double[1]"]
    assert judged(toy, GOLD, **row).details["problem"] is None


def test_marks() -> None:
    assert marks_spare(b"def test_a(): pass")
    assert not marks_spare(b"pytestmark = pytest.mark.skipif(x)") and marks_spare(
        b"pytestmark = pytest.mark.skipif(x)", runs=True
    )
    for other in ("pytest.mark.asyncio", "requires_dask", "[pytest.mark.skip, pytest.mark.trio]", "", "a.mark.b.c"):
        assert not marks_spare(f"pytestmark = {other}\n".encode(), runs=True)
    assert not marks_spare(b"pytestmark = []\npytestmark += [pytest.mark.xfail]")
    assert not marks_spare(b"pytestmark = " + b"(" * 10_000)


def test_what_a_command_names() -> None:
    assert selected_by_id("a/b.py", ["a/b.py::c"]) and not selected_by_id("a/b.py", ["a/b.py::c", "./a/"])
    assert not selected_by_id("a/b.py", ["c.py::d"]) and not selected_by_id("a/b.py", [])
    assert label_of_part("tests/a/test_b.py", ["a.test_b.C.test_d"]) == "a.test_b"
    assert label_of_part("tests/a/test_b.py", ["a.test_b.C", "a"]) is None
    assert label_of_part("tests/a/test_b.py", ["a.test_bc"]) is None


def test_keywords() -> None:
    assert with_names("pytest -k ''", ["n"]) == "pytest -k ''" and with_names("go test -k x", ["n"]) == "go test -k x"
    assert with_names("pytest --keep -kx", []) == "pytest --keep -kx"
    assert shlex.split(with_names("pytest -k x; pytest -k y", ["n"])) == shlex.split(
        "pytest -k '(x) or n'; pytest -k '(y) or n'"
    )


@given(st.text(alphabet="ab '\"\\$-k()[]", min_size=1, max_size=20))
def test_any_keyword_keeps_its_meaning(expression: str) -> None:
    for quoted in (shlex.quote(expression), '"' + "".join(f"\\{c}" if c in '"\\$' else c for c in expression) + '"'):
        words = shlex.split(with_names(f"pytest -rA -k {quoted} tests", ["n", "m"]))
        assert words[:3] == ["pytest", "-rA", "-k"] and words[4:] == ["tests"]
        assert words[3].startswith("(") and words[3].endswith(") or n or m")
