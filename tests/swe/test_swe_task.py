"""Rows of SWE-bench and its relatives as tasks, and the paths that a diff touches."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_repository import FILES, ROW, diff

from forge_envs import TaskError
from forge_envs.swe.diffs import touched_paths
from forge_envs.swe.task import SWETask, load_swe_tasks, load_swebench

ROWS = Path(__file__).resolve().parents[2] / "../shared/data/swebench/rows.jsonl"


def test_a_row() -> None:
    task = SWETask.from_row(ROW)
    assert task.fail_to_pass == tuple(ROW["FAIL_TO_PASS"]) and task.id == "toy__calc-1"
    assert task.test_command == "python -m pytest -rA tests/test_core.py tests/test_more.py"
    assert "HINT" not in repr(task)
    text = {**ROW, "FAIL_TO_PASS": json.dumps(ROW["FAIL_TO_PASS"]), "PASS_TO_PASS": "[]", "test_cmd": "make test"}
    assert SWETask.from_row(text).fail_to_pass == task.fail_to_pass
    assert SWETask.from_row(text).test_command == "make test" and SWETask.from_row(text).pass_to_pass == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("instance_id", None),
        ("instance_id", "../x"),
        ("problem_statement", ""),
        ("test_patch", 3),
        ("FAIL_TO_PASS", []),
        ("FAIL_TO_PASS", "["),
        ("FAIL_TO_PASS", [1]),
        ("PASS_TO_PASS", None),
        ("eval_type", "sometimes"),
    ],
)
def test_wrong_rows_name_the_field(field: str, value: object) -> None:
    with pytest.raises(TaskError, match=f"here: {field}"):
        SWETask.from_row({**ROW, field: value}, "here")


def test_files_of_rows(tmp_path: Path) -> None:
    rows = [ROW, {**ROW, "instance_id": "toy__calc-2"}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "b.json").write_text(json.dumps(rows))
    (tmp_path / "c.json").write_text(json.dumps({row["instance_id"]: row for row in rows}))
    for name in ("a.jsonl", "b.json", "c.json"):
        assert [task.id for task in load_swe_tasks(tmp_path / name)] == ["toy__calc-1", "toy__calc-2"]
    suite = load_swebench("swebench", str(tmp_path / "a.jsonl"))
    assert (suite.env, len(suite), suite[0].split, len(suite.hash)) == ("forge/SWE-v0", 2, "test", 64)
    (tmp_path / "d.jsonl").write_text(json.dumps(ROW) * 2)
    (tmp_path / "e.json").write_text("3")
    (tmp_path / "f.jsonl").write_text(f"{json.dumps(ROW)}\n{json.dumps(ROW)}\n")
    for name, why in (("d.jsonl", "Extra data"), ("e.json", "expected rows"), ("f.jsonl", "twice"), ("g", "No such")):
        with pytest.raises(TaskError, match=why):
            load_swe_tasks(tmp_path / name)


@pytest.mark.skipif(not ROWS.is_file(), reason="SWE-bench rows are not here")
def test_rows_of_swebench_5() -> None:
    tasks = {task.id: SWETask.from_row(task.data) for task in load_swe_tasks(ROWS)}
    assert len(tasks) == 7
    assert tasks["pallets__flask-5063"].test_command == "pytest -rA tests/test_cli.py"
    assert tasks["sphinx-doc__sphinx-8721"].test_command == "tox --current-env -epy39 -v -- tests/test_ext_viewcode.py"
    assert tasks["pallets__flask-5063"].image == "swebench/sweb.eval.x86_64.pallets_1776_flask-5063:latest"
    for task in tasks.values():
        assert touched_paths(task.test_patch) and all(path.endswith(".py") for path in touched_paths(task.test_patch))


def test_paths_of_a_diff() -> None:
    assert touched_paths(ROW["test_patch"]) == ["tests/test_core.py", "tests/test_more.py"]
    assert touched_paths(diff(FILES, {})) == sorted(FILES)
    special = (
        'diff --git "a/n\\303\\244me\\n.txt" "b/n\\303\\244me\\n.txt"\nnew file mode 100644\nindex 000..e69\n'
        "diff --git a/old name b/new name\nsimilarity index 100%\nrename from old name\nrename to new name\n"
        "diff --git a/empty file b/empty file\nnew file mode 100644\n"
        "diff --git a/data.bin b/data.bin\nGIT binary patch\nliteral 1\nIcmZPo000310RR91\n"
    )
    assert touched_paths(special) == ["näme\n.txt", "old name", "new name", "empty file", "data.bin"]
    inside = diff({"a.patch": "--- a/x\n"}, {"a.patch": "+++ b/y\n--- a/z\ndiff --git a/q b/q\n"})
    assert touched_paths(inside) == ["a.patch"]


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,5}(/[a-z]{1,5})?\.py", fullmatch=True),
        st.tuples(*[st.lists(st.sampled_from(["x", "--- a/b", "+++ b/c", "@@ -1 +1 @@", "diff --git a/d b/d"]))] * 2),
        max_size=4,
    )
)
def test_text_of_a_diff_is_no_header(files: dict[str, tuple[list[str], list[str]]]) -> None:
    old, new = ({p: "".join(f"{line}\n" for line in pair[i]) for p, pair in files.items()} for i in (0, 1))
    assert touched_paths(diff(old, new)) == sorted(p for p in files if old[p] != new[p])


@given(st.text(alphabet='abdif gt-+@,10\\"\n/', max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    assert all(isinstance(path, str) for path in touched_paths(text))
