"""Commits undone, in a repository whose history is made here, with configuration that must not run."""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_repository import Toy

from forge_envs.core.errors import ConfigError
from forge_envs.swe.synthesis import Options, synthesize
from forge_envs.swe.synthesis.history import History, without
from forge_envs.swe.synthesis.merge import merged_lines
from forge_envs.swe.synthesis.meter import Meter
from forge_envs.swe.task import SWETask

TEXTS = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"d\n", b"e\n"]), max_size=8).map(b"".join)
LAST = st.sampled_from([b"", b"no line feed"])

START = '''\
"""Calculations."""


def double(n):
    return n * 2


def half(n):
    if n % 2:
        raise ValueError("odd")
    return n // 2


def clipped(n, low, high):
    return max(low, n)


def name(n):
    return f"<{n}>"
'''
RIGHT = START.replace("return max(low, n)", "return min(high, max(low, n))")
TESTS = """\
import pytest

from sums import clipped, double, half, name


def test_double():
    assert double(5) == 10


def test_half():
    assert half(4) == 2


def test_odd():
    with pytest.raises(ValueError):
        half(3)


def test_clipped_low():
    assert clipped(-1, 0, 9) == 0


def test_name():
    assert name(3) == "<3>"
"""
MORE = TESTS + "\n\ndef test_clipped_high():\n    assert clipped(12, 0, 9) == 9\n"
# Each commit: what it writes (None: deletes); the second is the one whose reversal is a task.
COMMITS: list[dict[str, str | None]] = [
    {"sums.py": START, "tests/test_sums.py": TESTS},
    {"sums.py": RIGHT, "tests/test_sums.py": MORE, "README.md": "Clips at both ends.\n"},
    {"sums.py": RIGHT.replace('f"<{n}>"', '"<" + str(n) + ">"')},
    {"notes.txt": "Nothing of the product.\n"},
]


def git(folder: Path, *arguments: str) -> str:
    """Run git as somebody who has a name."""
    who = ["-c", "user.name=somebody", "-c", "user.email=some@body", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with `COMMITS`."""
    folder = tmp_path_factory.mktemp("history") / "sums"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for number, files in enumerate(COMMITS):
        for path, text in files.items():
            (folder / path).parent.mkdir(exist_ok=True)
            if text is not None:
                (folder / path).write_text(text)
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", f"commit {number}")
    return folder


@given(base=TEXTS, now=TEXTS, other=TEXTS, last=LAST)
def test_merges_keep_both_sides(base: bytes, now: bytes, other: bytes, last: bytes) -> None:
    base, now, other = base + last, now + last, other + last
    assert merged_lines(base, base, other) == other
    assert merged_lines(now, base, base) == now
    once, twice = merged_lines(now, base, other), merged_lines(other, base, now)
    assert (once is None) == (twice is None) and once == twice


def test_changes_that_touch_do_not_merge() -> None:
    assert merged_lines(b"a\nX\nc\nd\n", b"a\nb\nc\nd\n", b"a\nb\nc\nY\n") == b"a\nX\nc\nY\n"
    assert merged_lines(b"new\na\nb\nc\n", b"a\nb\nc\n", b"a\nb\n") == b"new\na\nb\n"
    assert merged_lines(b"a\nX\nc\n", b"a\nb\nc\n", b"a\nY\nc\n") is None
    assert merged_lines(b"a\nX\nc\n", b"a\nb\nc\n", b"a\nb\nY\n") is None


def test_a_commit_is_undone_in_what_came_after_it(repository: Path, tmp_path: Path) -> None:
    history = History(repository, tmp_path)
    commits = list(history.commits(10))
    assert [sorted(commit.after) for commit in commits] == [["sums.py"], ["sums.py"]]  # the first has no parent
    now = {"sums.py": (repository / "sums.py").read_bytes()}
    undone = without(now, commits[1])
    assert undone == {"sums.py": START.replace('f"<{n}>"', '"<" + str(n) + ">"').encode()}
    assert without({"sums.py": b"something else\n"}, commits[1]) is None
    assert len(history.ids()) == len(COMMITS)


def test_a_repository_does_not_bring_its_own_configuration(repository: Path, tmp_path: Path) -> None:
    evil = tmp_path / "evil"
    git(tmp_path, "clone", "-q", str(repository), str(evil))
    mark = tmp_path / "mark"
    for name in ("core.fsmonitor", "core.pager", "diff.external", "uploadpack.packObjectsHook", "diff.x.textconv"):
        git(evil, "config", name, f"touch {mark}")
    (evil / ".git" / "info" / "attributes").write_text("*.py diff=x filter=x\n")
    hook = evil / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
    hook.chmod(0o755)
    (tmp_path / "scratch").mkdir()
    assert len(list(History(evil, tmp_path / "scratch").commits(10))) == 2
    assert not mark.exists()


def test_reversals_become_tasks(toy: Toy, repository: Path, tmp_path: Path) -> None:
    out = tmp_path / "made"
    (counts,) = synthesize([repository], out, Options(limit=5, runs=2, checks=1, strategies=("reversal",)))
    assert (counts.tried["reversal"], counts.tasks["reversal"]) == (2, 1)
    assert counts.refused["reversal", "no test fails"] == 1
    lines = (out / "train.jsonl").read_text().splitlines()
    wanted = "-    return max(low, n)\n+    return min(high, max(low, n))\n"
    (line,) = [line for line in lines if wanted in json.loads(line)["patch"]]
    row = SWETask.from_row(json.loads(line))
    assert row.fail_to_pass == ("tests/test_sums.py::test_clipped_high",)
    assert "tests/test_sums.py::test_clipped_low" in row.pass_to_pass
    assert "README" not in row.patch + row.test_patch and "test_clipped_high" in row.test_patch


def test_a_history_with_a_benchmarks_commit_is_refused(toy: Toy, repository: Path, tmp_path: Path) -> None:
    base = git(repository, "rev-parse", "HEAD~2").strip()
    row = {
        "instance_id": "someone__else-1",
        "repo": "someone/else",
        "base_commit": base,
        "problem_statement": "It is wrong.",
        "patch": "",
        "test_patch": "--- a/t.py\n+++ b/t.py\n@@ -1 +1 @@\n-a\n+b\n",
        "FAIL_TO_PASS": ["t.py::test_a"],
        "PASS_TO_PASS": [],
    }
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps(row) + "\n")
    with pytest.raises(ConfigError, match=base):
        synthesize([repository], tmp_path / "out", Options(runs=2, decontaminate=(str(rows),)))


def test_workspaces_of_graders_are_counted(toy: Toy) -> None:
    meter = Meter()
    with meter.open(toy.site) as workspace:
        workspace.run("python -c 'import time\nwhile time.process_time() < 0.3: pass'")
        assert meter.cpu_s >= 0.3
        assert workspace.alive()
    assert not workspace.alive()
