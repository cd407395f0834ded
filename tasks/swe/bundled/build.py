"""Builds the suite from the folders beside this file: same sources, same bytes.

python tasks/swe/bundled/build.py [--runs N] [--out FOLDER]

`repos/` holds each repository once, with nothing to repair. A folder of `instances/` holds one task: `task.toml`, the
issue, and `bug.patch`, which gives the base commit: it brings the bug in and takes the tests out that would find it.
The gold patch and the test patch are what undoes it; which tests fail and pass comes from running them in a workspace,
before the fix and after it.
"""

import argparse
import difflib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forge_envs.swe.diffs import touched_paths
from forge_envs.swe.logs import parse_pytest
from forge_envs.swe.python_env import python_env
from forge_envs.swe.repository import Prepared, Repository, prepare
from forge_envs.swe.workspace import TESTBED, Site, open_workspace

HERE = Path(__file__).resolve().parent
COMMAND = "python -m pytest -rA -p no:cacheprovider"
MANIFEST = """\
name = "swe/bundled"
env = "forge/SWE-v0"
schema = "swe.schema.json"
description = "Issues of three small Python repositories of our own, from one function to several modules."
license = "Apache-2.0"
version = 1

[splits]
"train" = ["train.jsonl"]
"heldout" = ["heldout.jsonl"]
"""


def build_row(folder: Path, runs: int) -> tuple[str, dict[str, Any]]:
    """The split and the row of one task.

    Args:
        folder: In `instances/`.
        runs: How often the tests run before and after the fix; every run has to say the same.
    """
    about = tomllib.loads((folder / "task.toml").read_text(encoding="utf-8"))
    bug = (folder / "bug.patch").read_text(encoding="utf-8")
    repository = HERE / about["repository"]
    prepared = prepare(Repository(str(repository), patch=bug))
    paths = sorted(touched_paths(bug))
    patch, test_patch = (
        "".join(_diff(Path(prepared.folder), repository, path) for path in paths if path.startswith("tests/") == tests)
        for tests in (False, True)
    )
    base, before, after = (_outcomes(prepared, used, runs) for used in ([], [test_patch], [test_patch, patch]))
    fail_to_pass = [test for test in after if before.get(test) != "PASSED"]
    pass_to_pass = [test for test in after if before.get(test) == "PASSED"]
    wrong = {
        "fail after the fix": {test for test, status in after.items() if status != "PASSED"}
        | (set(before) - set(after)),
        "fail at the base commit": {test for test, status in base.items() if status != "PASSED"},
        "pass before the fix although the test patch brings them": set(pass_to_pass) - set(base),
    }
    for problem, tests in wrong.items():
        if tests:
            raise SystemExit(f"{folder.name}: these {problem}: {sorted(tests)}")
    row = {
        "id": folder.name,
        "instance_id": folder.name,
        "repo": folder.name.rpartition("-")[0].replace("__", "/"),
        "version": about["version"],
        "created_at": about["created_at"],
        "base_commit": prepared.head,
        "problem_statement": (folder / "issue.md").read_text(encoding="utf-8").strip(),
        "hints_text": about["hints_text"].strip(),
        "patch": patch,
        "test_patch": test_patch,
        "FAIL_TO_PASS": fail_to_pass,
        "PASS_TO_PASS": pass_to_pass,
        "log_parser": "parse_log_pytest",
        "eval_type": "pass_and_fail",
        "test_cmd": COMMAND,
        "repository": about["repository"],
        "bug_patch": bug,
        "difficulty": about["difficulty"],
        "noop_reward": 0,
    }
    return about["split"], row


def _diff(old: Path, new: Path, path: str) -> str:
    texts = [(side / path).read_text(encoding="utf-8").splitlines(keepends=True) for side in (old, new)]
    return f"diff --git a/{path} b/{path}\n" + "".join(difflib.unified_diff(*texts, f"a/{path}", f"b/{path}"))


def _outcomes(prepared: Prepared, patches: list[str], runs: int) -> Mapping[str, str]:
    """The status of each test with some patches applied, in the order in which they ran."""
    found: list[dict[str, str]] = []
    for _ in range(runs):
        with open_workspace(Site(prepared, python_env())) as workspace:
            for patch in patches:
                workspace.write("/tmp/patch", patch.encode())
                done = workspace.run(["git", "apply", "/tmp/patch"], cwd=TESTBED)
                assert done.exit_code == 0, done.stderr.decode()
            done = workspace.run(COMMAND, cwd=TESTBED, merge_output=True)
            found.append(parse_pytest(done.stdout.decode()))
    if not found[0] or any(one != found[0] for one in found):
        raise SystemExit(f"The tests do not say the same each time:\n{done.stdout.decode()[-2000:]}")
    return found[0]


def build(out: Path, runs: int = 1) -> dict[str, list[dict[str, Any]]]:
    """Build every task and write the suite's files into a folder."""
    splits: dict[str, list[dict[str, Any]]] = {"train": [], "heldout": []}
    for folder in sorted(path.parent for path in (HERE / "instances").glob("*/task.toml")):
        split, row = build_row(folder, runs)
        splits[split].append(row)
    for split, rows in splits.items():
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
        (out / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")
    (out / "suite.toml").write_text(MANIFEST, encoding="utf-8")
    return splits


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE, help="the folder to write to")
    parser.add_argument("--runs", type=int, default=1, help="how often the tests run")
    arguments = parser.parse_args()
    for split, rows in build(arguments.out, arguments.runs).items():
        for row in rows:
            print(f"{split:8} {row['id']:22} F2P {len(row['FAIL_TO_PASS']):2}  P2P {len(row['PASS_TO_PASS']):3}")
