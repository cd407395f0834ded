"""Rows from files of many kinds and from SWE-bench's relatives; what an agent must not see stays away from it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import pytest
from toy_repository import FILES, FIXED, GOLD, ROW, TEST_PATCH, Toy, diff

from forge_envs import TaskError, load_suite
from forge_envs.core.errors import ConfigError
from forge_envs.core.task import Task
from forge_envs.swe.dialects import completed, image_name
from forge_envs.swe.diffs import reversed_diff
from forge_envs.swe.logs import PARSERS
from forge_envs.swe.repository import prepare
from forge_envs.swe.rows import split_of, swe_rows
from forge_envs.swe.sources import locate
from forge_envs.swe.task import SWETask, load_swe_tasks
from forge_envs.swe.task_repo import FILES as REPO_FILES

OLD: dict[str, Any] = {
    **ROW,
    "instance_id": "django__django-11099",
    "repo": "django/django",
    "version": "3.0",
    "base_commit": "d" * 40,
    "test_patch": diff(
        {"tests/auth_tests/test_validators.py": "", "tests/auth_tests/data.json": ""},
        {"tests/auth_tests/test_validators.py": "x\n", "tests/auth_tests/data.json": "{}\n"},
    ),
    "FAIL_TO_PASS": json.dumps(["test_ascii_validator (auth_tests.test_validators.UsernameValidatorsTests)"]),
    "PASS_TO_PASS": "[]",
    "environment_setup_commit": "e" * 40,
}
SMITH: dict[str, Any] = {
    "instance_id": "toy__calc.0a1b2c3d.func_basic__abcd1234",
    "repo": "swesmith/toy__calc.0a1b2c3d",
    "patch": diff({**FILES, "calc/core.py": FIXED}, FILES),
    "FAIL_TO_PASS": ["tests/test_core.py::test_double"],
    "PASS_TO_PASS": ["tests/test_core.py::test_half"],
    "image_name": "jyangballin/swesmith.x86_64.toy_1776_calc.0a1b2c3d",
    "problem_statement": "double(5) gives 7.",
}


def test_old_rows_of_django_get_their_locale() -> None:
    found = {v: SWETask.from_row({**OLD, "version": v}) for v in ("1.4", "1.9", "3.0", "4.0")}
    assert {v: "export LC_ALL=en_US.UTF-8" in task.exports for v, task in found.items()} == {
        "1.4": False, "1.9": True, "3.0": True, "4.0": False
    }  # fmt: skip
    assert "export PYTHONIOENCODING=utf8" in found["1.9"].exports and not found["1.9"].setup
    assert found["3.0"].setup[0].endswith("locale-gen")
    script = "export A=1\n: '>>>>> Start Test Output'\npytest x\n: '>>>>> End Test Output'\n"
    assert SWETask.from_row({**OLD, "eval_script": script}).exports == ("export A=1",)


def test_old_rows_of_swe_bench_are_filled() -> None:
    task = SWETask.from_row(OLD)
    assert task.log_parser == "parse_log_django" and task.eval_type == "pass_and_fail"
    assert task.image == "swebench/sweb.eval.x86_64.django_1776_django-11099:latest"
    command = "./tests/runtests.py --verbosity 2 --settings=test_sqlite --parallel 1 auth_tests.test_validators"
    assert task.test_command == command
    assert SWETask.from_row({**OLD, "version": "1.9"}).test_command.startswith("./tests/runtests.py --verbosity 2 auth")
    sympy = SWETask.from_row({**OLD, "repo": "sympy/sympy", "instance_id": "sympy__sympy-1", "version": "1.1"})
    assert sympy.test_command.endswith("bin/test -C --verbose tests/auth_tests/test_validators.py")
    old, new = ({**OLD, "repo": "astropy/astropy", "version": v} for v in ("1.3", "4.3"))
    assert "-vv" in SWETask.from_row(old).test_command and "-vv" not in SWETask.from_row(new).test_command
    assert completed(completed(OLD)) == completed(OLD)
    assert {completed({**OLD, "repo": repo})["log_parser"] for repo in ("mwaskom/seaborn", "x/y")} < set(PARSERS)


def test_rows_of_swe_gym() -> None:
    row = {**ROW, "instance_id": "Project-MONAI__MONAI-2446", "repo": "Project-MONAI/MONAI"}
    task = SWETask.from_row(row)
    assert task.image == "xingyaoww/sweb.eval.x86_64.project-monai_s_monai-2446"
    assert task.test_command == "pytest -rA tests/test_core.py tests/test_more.py"
    cases = diff({"test-data/unit/a.test": ""}, {"test-data/unit/a.test": "[case testOne]\n[case testTwo-xfail]\n"})
    mypy = SWETask.from_row({**row, "repo": "python/mypy", "test_patch": cases})
    assert mypy.test_command == "pytest -rA -k 'testOne or testTwo-xfail'"


def test_rows_of_swe_smith(toy: Toy, tmp_path: Path) -> None:
    task = SWETask.from_row(SMITH)
    assert (task.bug_patch, task.test_patch, task.base_commit) == (SMITH["patch"], "", "")
    assert task.image == SMITH["image_name"] == image_name(SMITH["repo"], SMITH["instance_id"])
    assert task.test_command == "python -m pytest -rA tests/test_core.py"
    assert SWETask.from_row(completed(SMITH)) == task
    with pytest.raises(TaskError, match="row: patch"):
        SWETask.from_row({**SMITH, "patch": ""})
    (tmp_path / "smith.json").write_text(json.dumps([SMITH, {**SMITH, "instance_id": "x", "problem_statement": ""}]))
    with pytest.warns(UserWarning, match="1 rows without a problem_statement"):
        (loaded,) = load_swe_tasks(tmp_path / "smith.json")
    fixed = tmp_path / "mirrors" / "toy__calc"
    _commit(fixed, {**FILES, "calc/core.py": FIXED})
    short = subprocess.run(
        ["git", "rev-parse", "--short=8", "HEAD"], cwd=fixed, capture_output=True, text=True, check=True
    ).stdout.strip()
    row = {**SMITH, "repo": f"swesmith/toy__calc.{short}"}
    prepared = prepare(locate(Task("smith", completed(row)), mirrors=tmp_path / "mirrors"), cache=tmp_path / "cache")
    assert (Path(prepared.folder) / "calc/core.py").read_text() == FILES["calc/core.py"]
    with pytest.raises(ConfigError, match="toy__calc"):
        locate(loaded, mirrors=tmp_path / "cache")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (FILES, {**FILES, "calc/core.py": FIXED}),
        ({"a": "x\ny\n"}, {"a": "y\nz"}),
        ({"a": "x"}, {"a": "x\n", "b/c": "new\n"}),
        ({"a": "".join(f"{i}\n" for i in range(40))}, {"a": "".join(f"{i if i % 20 else 'n'}\n" for i in range(40))}),
    ],
)
def test_a_reversed_diff_undoes(old: dict[str, str], new: dict[str, str], tmp_path: Path) -> None:
    _commit(tmp_path, old)
    for name, text in new.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text)
    (tmp_path / next(iter(new))).rename(tmp_path / "renamed")
    (tmp_path / "renamed").chmod(0o755)
    subprocess.run(["git", "add", "-A"], cwd=tmp_path, check=True)
    run = {"cwd": tmp_path, "capture_output": True, "check": True}
    made = subprocess.run(["git", "diff", "--cached", "-M"], **run).stdout.decode()
    assert reversed_diff(reversed_diff(made)) == made
    subprocess.run(["git", "apply", "--index", "-"], input=reversed_diff(made).encode(), **run)
    assert subprocess.run(["git", "status", "--porcelain"], **run).stdout == b""


def test_binary_files_are_not_undone() -> None:
    with pytest.raises(ValueError, match="text"):
        reversed_diff("diff --git a/a b/a\nGIT binary patch\nliteral 1\nIcmZPo000310RR91\n")


def _commit(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    who = ["-c", "user.name=a", "-c", "user.email=a@localhost"]
    for command in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "all"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


def write_task_repo(folder: Path, row: dict[str, Any]) -> Path:
    """A task repository with one task of the split ``test`` and one of ``deprecated``."""
    folder.mkdir()
    (folder / "sweb.yaml").write_text("datasets: [toy/toy]\nsplits: [test]\n")
    for name, split in ((row["instance_id"], "test"), ("toy__calc-9", "deprecated")):
        task = folder / "tasks" / name
        task.mkdir(parents=True)
        about = {"instance_id": name, "repo": row["repo"], "base_commit": row["base_commit"], "split": split}
        about |= {"version": "1.0", "log_parser": "parse_log_pytest", "eval_type": "pass_and_fail", "datasets": ["toy"]}
        (task / "task.yaml").write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in about.items()))
        for column, file in REPO_FILES.items():
            (task / file).write_text(
                row.get(column) or ": '>>>>> Start Test Output'\npytest -rA x\n: '>>>>> End Test Output'\n"
            )
        (task / "hints.md").write_text(row["hints_text"])
        (task / "tests.json").write_text(json.dumps({k: row[k] for k in ("FAIL_TO_PASS", "PASS_TO_PASS")}))
        (task / "Dockerfile").write_text("FROM scratch\n")
    return folder


def test_a_task_repo(tmp_path: Path) -> None:
    pytest.importorskip("yaml", reason="PyYAML is not installed")
    folder = write_task_repo(tmp_path / "repo", ROW)
    (task,) = load_suite(f"swebench:{folder}")
    about = SWETask.from_row(task.data)
    assert (about.id, about.test_command, about.patch) == (ROW["instance_id"], "pytest -rA x", GOLD)
    assert about.version == "1.0" and about.image is None and about.test_patch == TEST_PATCH
    assert [one.id for one in load_suite(f"swebench:{folder}#deprecated")] == ["toy__calc-9"]
    with pytest.raises(TaskError, match="no task has the split 'dev'"):
        load_suite(f"swebench:{folder}#dev")
    yaml = folder / "tasks" / ROW["instance_id"] / "task.yaml"
    for text, why in (("a: &x [1]\nb: *x\nsplit: test\n", "aliases"), ("- 1\n", "object"), ("{", "not YAML")):
        yaml.write_text(text)
        with pytest.raises(TaskError, match=why):
            list(swe_rows(folder))


def test_parquet_and_folders(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    arrow = pytest.importorskip("pyarrow")
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "test-00000-of-00001.parquet"
    parquet.write_table(arrow.Table.from_pylist([ROW, {**ROW, "instance_id": "toy__calc-2"}]), file)
    assert next(iter(swe_rows(file))) == ROW
    (tmp_path / "data" / "train.jsonl").write_text(json.dumps({**ROW, "instance_id": "toy__calc-3"}))
    for source, ids in ((file, 2), (tmp_path, 2), (f"{tmp_path}#train", 1)):
        suite = load_suite(f"swebench:{source}")
        assert (len(suite), suite[0].split) == (ids, "train" if ids == 1 else "test")
    with pytest.raises(TaskError, match=r"dev\*\.parquet"):
        list(swe_rows(f"{tmp_path}#dev"))
    file.write_bytes(b"PAR1")
    with pytest.raises(TaskError, match="not a Parquet file"):
        list(swe_rows(file))


def test_the_hub(tmp_path: Path) -> None:
    """``datasets`` reads a folder with files of splits by the same call as a data set of the hub."""
    pytest.importorskip("datasets", reason="datasets is not installed")
    (tmp_path / "data").mkdir()
    for split in ("train", "test"):
        row = {**ROW, "instance_id": f"toy__{split}-1"}
        (tmp_path / "data" / f"{split}.jsonl").write_text(json.dumps(row) + "\n")
    script = (
        "import sys\nfrom forge_envs import load_suite\n"
        "for source in sys.argv[1:]:\n    print([(t.id, t.split) for t in load_suite(source)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, f"swebench:hf:{tmp_path}", f"swebench:hf:{tmp_path}#train"],
        env={"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout.splitlines() == ["[('toy__test-1', 'test')]", "[('toy__train-1', 'train')]"], done.stderr
    assert (split_of("smith"), split_of("verified"), split_of("hf:a/b#dev")) == ("train", "test", "dev")


def test_an_agent_sees_the_issue_and_nothing_else(toy: Toy, tmp_path: Path) -> None:
    """Not in info, observations or representations: hints, patches, test ids."""
    mirrors = tmp_path / "toy__calc"
    _commit(mirrors, FILES)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=mirrors, capture_output=True, text=True).stdout.strip()
    (tmp_path / "rows.json").write_text(json.dumps([{**ROW, "base_commit": head}]))
    suite = f"swebench:{tmp_path}/rows.json"
    env = gymnasium.make("forge_envs:forge/SWE-v0", suite=suite, split="test", mirrors=str(tmp_path))
    try:
        observation, info = env.reset(seed=1)
        step = env.step(
            "THOUGHT: look\n\n```bash\nenv; ls -la / /testbed; git log -p --all; cat tests/test_core.py\n```"
        )
        seen = [observation, info, *step, env.unwrapped, env.unwrapped.messages, env.spec and env.spec.kwargs.keys()]
    finally:
        env.close()
    shown = "\n".join(str(one) + repr(one) for one in seen)
    assert "double(5) gives 7" in shown
    for secret in ("HINT", "test_double", "test_more", "n * 2", "FAIL_TO_PASS", "hints_text"):
        assert secret not in shown, secret
    assert "HINT" not in repr(SWETask.from_row(ROW))
