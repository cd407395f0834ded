"""Loaders: the shared rows, small files of every format, and what a hostile file can't do."""

import base64
import json
import os
import pickle
import shutil
import stat
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_envs import ConfigError, TaskError, load_suite
from forge_envs.code_contest.formats import FORMATS, load_tasks, sources
from forge_envs.code_contest.formats.pickled import safe_unpickle, unpack_tests
from forge_envs.code_contest.formats.sources import read_rows, read_tree, safe_path
from forge_envs.code_contest.task import ContestTask, write_suite

SHARED = Path(__file__).parents[2] / "../shared/data/code"
shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not on this machine")


def _lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _codecontests_row(**changes: Any) -> dict[str, Any]:
    row = {
        "name": "1_A. Add",
        "description": "Add two numbers.",
        "public_tests": {"input": ["1 2\n"], "output": ["3\n"]},
        "private_tests": {"input": ["2 2\n"], "output": ["4\n"]},
        "generated_tests": {"input": ["2 2\n", "5 5\n"], "output": ["4\n", "10\n"]},
        "source": 2,
        "difficulty": 7,
        "cf_rating": 1500,
        "solutions": {
            "language": [1, 3, 2],
            "solution": ["print input()", "print(sum(map(int, input().split())))", "x"],
        },
        "time_limit": {"seconds": 1, "nanos": 500_000_000},
        "memory_limit_bytes": 256_000_000,
        "input_file": "",
        "output_file": "",
    }
    return {**row, **changes}


def test_codecontests(tmp_path: Path) -> None:
    rows = [
        _codecontests_row(),
        _codecontests_row(input_file="a.txt"),
        {"name": "no text", "public_tests": {"input": ["1"], "output": ["1"]}},
    ]
    rows.append(_codecontests_row(name="empty", public_tests=None, private_tests=None, generated_tests=None))
    loaded = load_tasks(_lines(tmp_path / "rows.jsonl", rows), format="codecontests")
    (task,) = loaded.tasks
    assert (task.id, task.mode, task.difficulty) == ("codecontests/codeforces/1_A.-Add", "stdin", 2)
    assert task.public_tests == ({"stdin": "1 2\n", "expected": "3\n"},)
    assert [test["expected"] for test in task.hidden_tests] == ["4\n", "10\n"]  # a test that occurs twice counts once
    assert (task.time_limit_s, task.memory_limit_mb, task.checker) == (1.5, 244, {"type": "tokens"})
    assert [one.language for one in task.solutions] == ["python", "cpp"]  # Python 2 is left out
    assert len(loaded.skipped) == 3 and "only stdin is judged" in loaded.skipped[0].reason
    assert "KeyError" in loaded.skipped[1].reason and "no tests" in loaded.skipped[2].reason


@shared
def test_shared_codecontests(tmp_path: Path) -> None:
    rows = []
    for row in read_rows(SHARED / "codecontests_sample_0_11.jsonl"):
        tests = {kind: [t for t in row["tests"] if t["public"] == (kind == "public")] for kind in ("public", "private")}
        columns = {
            f"{kind}_tests": {"input": [t["stdin"] for t in some], "output": [t["expected_stdout"] for t in some]}
            for kind, some in tests.items()
        }
        rows.append(_codecontests_row(name=row["title"], description=row["statement"], generated_tests=None, **columns))
    loaded = load_tasks(_lines(tmp_path / "rows.jsonl", rows), format="codecontests")
    assert len(loaded.tasks) == 12 and not loaded.skipped
    assert all(task.public_tests and len(task.hidden_tests) > 10 for task in loaded.tasks)


@shared
def test_shared_humaneval_and_mbpp() -> None:
    loaded = load_tasks(SHARED / "humaneval_0_99.jsonl", format="humaneval")
    assert len(loaded.tasks) == 100 and not loaded.skipped
    first = loaded.tasks[0]
    assert (first.fn_name, first.mode, first.languages) == ("has_close_elements", "function", ("python",))
    assert "has_close_elements" in first.statement and "METADATA" not in first.statement
    loaded = load_tasks(SHARED / "mbpp_11_30.jsonl", format="mbpp")
    assert len(loaded.tasks) == 20 and not loaded.skipped
    first = loaded.tasks[0]
    assert first.fn_name == "remove_Occ" and len(first.public_tests) == 1 and len(first.hidden_tests) == 4
    assert not any(test["check"] in first.statement for test in first.hidden_tests)


@shared
def test_shared_nemo_gym_rows_as_apps(tmp_path: Path) -> None:
    rows = []
    for row in read_rows(SHARED / "nemo_gym_code_gen_5.jsonl"):
        held = {"inputs": [t["stdin"] for t in row["tests"]], "outputs": [t["expected_stdout"] for t in row["tests"]]}
        rows.append({"problem_id": row["id"], "question": row["statement"], "input_output": json.dumps(held)})
    loaded = load_tasks(_lines(tmp_path / "rows.jsonl", rows), format="apps")
    assert len(loaded.tasks) == 5 and not loaded.skipped


def test_apps_and_taco(tmp_path: Path) -> None:
    call = {"fn_name": "add", "inputs": [[1, 2], [3, 4]], "outputs": [[3], [7]]}
    plain = {"inputs": ["1\n", ["2", "3"], "1\n"], "outputs": ["0.5\n", ["1", "1.5"], "0.5\n"]}
    rows = [
        {"problem_id": 7, "question": "Add.", "input_output": json.dumps(call), "difficulty": "introductory"},
        {
            "name": "Halve",
            "question": "Halve.",
            "input_output": json.dumps(plain),
            "difficulty": "VERY_HARD",
            "time_limit": "2.5 seconds",
            "memory_limit": "256.0 megabytes",
            "solutions": json.dumps(["print(1)"]),
        },
        {"problem_id": 8, "question": "?", "input_output": ""},
        {"problem_id": 9, "question": "?", "input_output": '{"inputs": ["1"], "outputs": []}'},
        {"problem_id": 10, "question": "?", "input_output": "{"},
    ]
    loaded = load_tasks(_lines(tmp_path / "rows.jsonl", rows), format="taco")
    add, halve = loaded.tasks
    assert (add.mode, add.fn_name, add.difficulty) == ("function", "add", 1)
    assert add.public_tests == ({"args": [1, 2], "expected": 3},) and add.checker == {"type": "json_equal"}
    assert halve.public_tests == ({"stdin": "1\n", "expected": "0.5\n"},)
    assert halve.hidden_tests == ({"stdin": "2\n3", "expected": "1\n1.5"},) and halve.checker["type"] == "float"
    assert (halve.time_limit_s, halve.memory_limit_mb, halve.difficulty) == (2.5, 256, 3)
    assert len(loaded.skipped) == 3


def _packed(tests: Any) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(tests)))).decode()


def test_livecodebench(tmp_path: Path) -> None:
    functional = [{"input": '[1, 2]\n"x"', "output": "[2, 1]", "testtype": "functional"}]
    stdin = [{"input": "3\n", "output": "9\n", "testtype": "stdin"}]
    base = {"question_title": "T", "question_content": "Do.", "platform": "leetcode", "difficulty": "hard"}
    rows = [
        {
            **base,
            "question_id": "3001",
            "starter_code": "class Solution: ...",
            "public_test_cases": json.dumps(functional),
            "private_test_cases": _packed(functional * 2),
            "metadata": json.dumps({"func_name": "turn"}),
        },
        {**base, "question_id": "abc_a", "public_test_cases": json.dumps(stdin), "private_test_cases": _packed(stdin)},
        {
            **base,
            "question_id": "mixed",
            "public_test_cases": json.dumps(stdin),
            "private_test_cases": _packed(functional),
        },
        {**base, "question_id": "bad", "public_test_cases": json.dumps(stdin), "private_test_cases": "!!"},
    ]
    loaded = load_tasks(_lines(tmp_path / "rows.jsonl", rows), format="livecodebench")
    called, printed = loaded.tasks
    assert called.hidden_tests == ({"args": [[1, 2], "x"], "expected": [2, 1]},) * 2
    assert (called.fn_name, called.mode, called.difficulty) == ("turn", "function", 3)
    assert printed.hidden_tests == ({"stdin": "3\n", "expected": "9\n"},) and "cpp" in printed.languages
    assert [skipped.where for skipped in loaded.skipped] == ["row 2 (mixed)", "row 3 (bad)"]


class _Evil:
    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


def test_a_pickle_can_only_make_plain_values(tmp_path: Path) -> None:
    values = [{"a": [1, 2.5, None, True], "b": ("x", {3})}]
    assert safe_unpickle(pickle.dumps(values)) == values
    for hostile in (
        pickle.dumps(_Evil(tmp_path / "mark")),
        pickle.dumps(len),
        pickle.dumps(Path("x")),
        b"",
        b"\x80\x05.",
    ):
        with pytest.raises(TaskError, match="can't be read"):
            safe_unpickle(hostile)
    assert not (tmp_path / "mark").exists()
    with pytest.raises(TaskError, match="hold list"):
        unpack_tests(base64.b64encode(zlib.compress(pickle.dumps([1]))).decode())


def test_packed_tests_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forge_envs.code_contest.formats.pickled.MAX_UNPACKED", 1000)
    with pytest.raises(TaskError, match="unpack to more"):
        unpack_tests(base64.b64encode(zlib.compress(b"x" * 100_000)).decode())


@given(st.binary(max_size=200))
def test_a_broken_pickle_is_refused(data: bytes) -> None:
    try:
        value = safe_unpickle(data)
    except TaskError:
        return
    assert isinstance(
        value, int | float | complex | str | bytes | bytearray | list | tuple | dict | set | frozenset | None
    )


YAML = """name: Sums
limits:
  memory: 256
"""


def _package(folder: Path, yaml: str = YAML, **files: str) -> Path:
    texts = {
        "problem.yaml": yaml,
        "problem_statement/problem.en.tex": "Add the numbers.",
        "data/sample/1.in": "1 2\n",
        "data/sample/1.ans": "3\n",
        "data/secret/02-big.in": "7 8\n",
        "data/secret/02-big.ans": "15\n",
        "data/secret/sub/01.in": "0 0\n",
        "data/secret/sub/01.ans": "0\n",
        "submissions/accepted/sum.py": "print(sum(map(int, input().split())))\n",
        "submissions/wrong_answer/one.cpp": "int main() {}\n",
        ".timelimit": "3\n",
        **{name.replace("__", "/"): text for name, text in files.items()},
    }
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def _zipped(folder: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(path, f"inside/{path.relative_to(folder)}")
    return target


def test_kattis_folder_and_zip_are_equal(tmp_path: Path) -> None:
    folder = _package(tmp_path / "sums")
    (one,) = load_tasks(folder, format="kattis").tasks
    (other,) = load_tasks(_zipped(folder, tmp_path / "sums.zip"), format="kattis").tasks
    assert one == other
    assert (one.id, one.title, one.time_limit_s, one.memory_limit_mb) == ("kattis/sums", "Sums", 3.0, 256)
    assert one.checker == {"type": "tokens", "case_insensitive": True}
    assert [test["expected"] for test in one.hidden_tests] == ["15\n", "0\n"]
    assert [(p.language, p.verdict) for p in (*one.solutions, *one.wrong)] == [("python", "AC"), ("cpp", "WA")]


@pytest.mark.parametrize(
    ("flags", "checker"),
    [
        ("case_sensitive", {"type": "tokens"}),
        ("float_tolerance 1e-4", {"type": "float", "abs": 1e-4, "rel": 1e-4, "case_insensitive": True}),
        ("float_absolute_tolerance 0.5 case_sensitive", {"type": "float", "abs": 0.5}),
        ("space_change_sensitive case_sensitive", {"type": "exact"}),
    ],
)
def test_kattis_validator_flags(tmp_path: Path, flags: str, checker: dict[str, Any]) -> None:
    (task,) = load_tasks(_package(tmp_path, f"{YAML}validator_flags: {flags}\n"), format="kattis").tasks
    assert task.checker == checker


def test_kattis_programs(tmp_path: Path) -> None:
    validator = {"output_validators__check__check.py": "raise SystemExit(42)\n"}
    (task,) = load_tasks(_package(tmp_path / "a", f"{YAML}validation: custom\n", **validator), format="kattis").tasks
    assert task.checker == {
        "type": "program",
        "language": "python",
        "source": "raise SystemExit(42)\n",
        "protocol": "kattis",
    }
    talking = _package(tmp_path / "b", f"{YAML}validation: custom interactive\n", **validator)
    (task,) = load_tasks(talking, format="kattis").tasks
    assert task.mode == "interactive" and task.interactor is not None and task.interactor["protocol"] == "kattis"
    two = _package(tmp_path / "c", f"{YAML}validation: custom\n", **validator)
    (two / "output_validators/check/more.py").write_text("")
    loaded = load_tasks(tmp_path, format="kattis")
    assert len(loaded.tasks) == 2 and "2 source files" in loaded.skipped[0].reason


def test_kattis_validators_take_their_headers_with_them(tmp_path: Path) -> None:
    files = {
        "output_validators__check__a.cpp": '#include <cstdio>\n#include "rules.h"\n#include "rules.h"\nint main(){}',
        "output_validators__check__rules.h": "#pragma once\nint rule();\n",
    }
    yaml = f"{YAML}validation: custom\nvalidator_flags: max 7\n"
    (task,) = load_tasks(_package(tmp_path, yaml, **files), format="kattis").tasks
    lines = task.checker["source"].split("\n")
    assert lines == ["#include <cstdio>", "#pragma once", "int rule();", "", "", "int main(){}"]
    assert task.checker["args"] == ["max", "7"]


def test_kattis_arguments_of_the_validator_stand_with_the_tests(tmp_path: Path) -> None:
    group = {"data__secret__test_group.yaml": 'output_validator_args: [float_tolerance, "1e-4"]\n'}
    (task,) = load_tasks(_package(tmp_path / "a", f"{YAML}type: pass-fail\n", **group), format="kattis").tasks
    assert task.checker == {"type": "float", "abs": 1e-4, "rel": 1e-4, "case_insensitive": True}
    other = {"data__secret__sub__testdata.yaml": "output_validator_flags: case_sensitive\n"}
    assert (
        "different arguments"
        in load_tasks(_package(tmp_path / "b", **group, **other), format="kattis").skipped[0].reason
    )


@pytest.mark.parametrize(
    ("yaml", "says"),
    [
        ("type: [pass-fail, multi-pass]\n", "multi-pass"),
        ("validation: custom score\n", "gives points"),
        ("validation: custom\n", "0 source files"),
    ],
)
def test_kattis_packages_of_other_kinds_are_left_out(tmp_path: Path, yaml: str, says: str) -> None:
    assert says in load_tasks(_package(tmp_path, f"{YAML}{yaml}"), format="kattis").skipped[0].reason


def test_samples_alone_are_no_tests(tmp_path: Path) -> None:
    shutil.rmtree(_package(tmp_path) / "data/secret")
    assert "run its generators" in load_tasks(tmp_path, format="kattis").skipped[0].reason


@pytest.mark.parametrize("yaml", ["[1", "- a list", "validator_flags: float_tolerance x"])
def test_kattis_faults_are_named(tmp_path: Path, yaml: str) -> None:
    loaded = load_tasks(_package(tmp_path, yaml), format="kattis")
    assert not loaded.tasks and len(loaded.skipped) == 1


def _exercise(folder: Path, **config: Any) -> Path:
    files = {
        ".docs/instructions.md": "# Two\n\nReturn two.",
        ".docs/instructions.append.md": "Quickly.",
        ".meta/config.json": json.dumps(
            {"files": {"solution": ["two.py"], "test": ["two_test.py"], "example": [".meta/example.py"], **config}}
        ),
        ".meta/example.py": "def two():\n    return 2\n",
        "two.py": "def two():\n    pass\n",
        "two_test.py": "import unittest\n",
        "data.txt": "some data\n",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_polyglot_exercises(tmp_path: Path) -> None:
    _exercise(tmp_path / "python/exercises/practice/two")
    _exercise(tmp_path / "python/exercises/practice/three", test=["missing.py"])
    _exercise(tmp_path / "python/exercises/practice/four", solution=["../two.py"])
    loaded = load_tasks(tmp_path, format="polyglot")
    (task,) = loaded.tasks
    assert task.id == "exercism/python/two" and task.statement == "# Two\n\nReturn two.\n\nQuickly."
    assert task.project is not None and task.project.editable == ("two.py",)
    assert set(task.project.files) == {"two.py", "data.txt"} and set(task.project.hidden_tests) == {"two_test.py"}
    assert task.solutions[0].files == {"two.py": "def two():\n    return 2\n"}
    assert len(loaded.skipped) == 2 and any("missing.py" in s.reason for s in loaded.skipped)
    (again,) = load_tasks(_zipped(tmp_path, tmp_path / "all.zip"), format="polyglot").tasks
    assert again.project == task.project


@pytest.mark.parametrize("name", ["../out.txt", "/etc/passwd", "a/../../b", "", ".", "c:\\x", "a\\..\\b", "x\0y"])
def test_a_path_out_of_its_folder_is_refused(name: str) -> None:
    with pytest.raises(TaskError, match="leads outside"):
        safe_path(name)


def test_an_archive_stays_inside_and_in_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    escaping = tmp_path / "escaping.zip"
    with zipfile.ZipFile(escaping, "w") as archive:
        archive.writestr("../../escaped.txt", "x")
    with pytest.raises(TaskError, match="leads outside"):
        read_tree(escaping)
    linked = tmp_path / "linked.zip"
    with zipfile.ZipFile(linked, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("plain", "y")
    assert read_tree(linked) == {"plain": b"y"}
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/link").symlink_to("/etc/passwd")
    (tmp_path / "folder/up").symlink_to("..")
    assert read_tree(tmp_path / "folder") == {}
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("big", b"0" * 200_000)
    monkeypatch.setattr(sources, "MAX_FILE", 100_000)
    with pytest.raises(TaskError, match="is larger than"):
        read_tree(bomb)
    monkeypatch.setattr(sources, "MAX_FILE", 10**9)
    monkeypatch.setattr(sources, "MAX_TREE", 100_000)
    with pytest.raises(TaskError, match="more than"):
        read_tree(bomb)
    for broken in (b"PK\x03\x04broken", bomb.read_bytes()[:-30]):
        (tmp_path / "broken.zip").write_bytes(broken)
        with pytest.raises((TaskError, ConfigError)):
            read_tree(tmp_path / "broken.zip")


def test_rows_from_json_and_faults_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"x": 1}, {"x": 2}]')
    assert [row["x"] for row in read_rows(tmp_path / "a.json")] == [1, 2]
    (tmp_path / "b.jsonl").write_text('{"x": 1}\n\n{"x": \n')
    with pytest.raises(TaskError, match=r"b\.jsonl:3: not JSON"):
        list(read_rows(tmp_path / "b.jsonl"))
    (tmp_path / "c.jsonl").write_text("[1]\n")
    with pytest.raises(TaskError, match="a row is an object"):
        list(read_rows(tmp_path / "c.jsonl"))
    with pytest.raises(ConfigError, match="No file"):
        list(read_rows(tmp_path / "none.jsonl"))
    with pytest.raises(ConfigError, match="Unknown format 'x'"):
        load_tasks(tmp_path, format="x")
    assert len(FORMATS) == 8


def test_rows_from_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.Table.from_pylist([_codecontests_row()]), tmp_path / "rows.parquet")
    (task,) = load_tasks(tmp_path / "rows.parquet", format="codecontests").tasks
    assert task.title == "1_A. Add" and len(task.hidden_tests) == 2


def test_loading_imports_no_library_that_it_does_not_need(tmp_path: Path, python: Any) -> None:
    path = _lines(tmp_path / "rows.jsonl", [_codecontests_row()])
    code = (
        "import sys; from forge_envs.code_contest.formats import load_tasks; "
        "load_tasks(sys.argv[1], format='codecontests'); "
        "print([m for m in ('datasets', 'pyarrow', 'yaml', 'torch') if m in sys.modules])"
    )
    assert python(code, str(path)).strip() == "[]"


def test_what_was_loaded_can_be_written_as_a_suite(tmp_path: Path) -> None:
    tasks = load_tasks(_lines(tmp_path / "rows.jsonl", [_codecontests_row()]), format="codecontests").tasks
    tasks += load_tasks(_exercise(tmp_path / "two"), format="polyglot").tasks
    write_suite({"train": tasks}, tmp_path / "suite", name="code_contest/mine", description="Mine.")
    suite = load_suite(tmp_path / "suite")
    assert [ContestTask.from_row(task.data) for task in suite] == list(tasks)
