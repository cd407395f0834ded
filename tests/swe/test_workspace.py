"""Prepared repositories without their future, the Python of the tests, and what a workspace shows."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from toy_repository import FILES, FIXED, GOLD, ROW, Toy, diff

from forge_envs import ConfigError, SandboxError, Task, TaskError
from forge_envs.sandbox.base import Mount
from forge_envs.swe import workspace
from forge_envs.swe.grading import grade
from forge_envs.swe.python_env import PythonEnv, python_env
from forge_envs.swe.repository import Repository, prepare
from forge_envs.swe.sites import site_of
from forge_envs.swe.sources import prepared_for
from forge_envs.swe.workspace import Site, open_workspace

ENV = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}


def sh(script: str, folder: Path) -> str:
    """Run a script on the host; what it printed."""
    identity = "export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b\n"
    done = subprocess.run(["bash", "-ec", identity + script], cwd=folder, env=ENV, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A bare mirror with a past, a base commit, and a future on a branch, under a tag and in a log; and the base."""
    place = tmp_path_factory.mktemp("mirror")
    folder = place / "work"
    for name, text in {**FILES, ".gitattributes": "*.md text eol=crlf\n*.py ident\n"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "fix.txt").write_text(FIXED)
    base = sh(
        "git init -q -b main . && echo past > past.txt && git add past.txt && git commit -qm past\n"
        "git rm -q past.txt && mv fix.txt .. && git add -A && git commit -qm base && git rev-parse HEAD",
        folder,
    )
    sh("cp ../fix.txt calc/core.py && git commit -qam 'the fix' && git tag v2 && git branch other", folder)
    sh("git clone -q --mirror work toy__calc.git", place)
    return place / "toy__calc.git", base


def test_a_mirror_at_its_base_commit(toy: Toy, mirror: tuple[Path, str], tmp_path: Path) -> None:
    path, base = mirror
    prepared = prepare(Repository(str(path), base), cache=tmp_path)
    assert prepared.head == base
    assert prepare(Repository(str(path), base), cache=tmp_path) == prepared
    assert [p.name for p in (tmp_path / "swe" / "repositories").iterdir()] == [Path(prepared.folder).parent.name]
    with open_workspace(Site(prepared, toy.site.python)) as sandbox:
        said = sandbox.run(
            "git status --porcelain; git log --all --format=%s; git for-each-ref --format='%(refname)'; git remote\n"
            "git reflog; git fsck --unreachable --no-reflogs 2>&1\n"
            "ls .git/hooks .git/logs .git/FETCH_HEAD .git/ORIG_HEAD 2>/dev/null\n"
            "for g in .git /base.git; do git --git-dir=$g cat-file --batch-all-objects --batch; done"
            " | grep -acE 'the fix|n [*] 2|^past'; od -c README.md | head -1",
            merge_output=True,
        )
        lines = said.stdout.decode().split("\n")
        assert lines[:3] == ["base", "refs/heads/main", "0"], lines
        assert lines[3].endswith(r".  \n"), "files have the bytes of their blobs"
        assert sandbox.run("git checkout -q v2 || git cat-file -e HEAD~1").exit_code != 0
    task = Task("x", {**ROW, "base_commit": base})
    assert prepared_for(task, mirrors=path.parent).head == base
    patch = {"patch": GOLD, "format_faults": 0}
    site = Site(prepared, toy.site.python)
    assert grade(task, patch, open_workspace=lambda: open_workspace(site)).reward == 1.0


def test_what_is_not_there_is_said(mirror: tuple[Path, str], tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="no such folder"):
        prepare(Repository(str(tmp_path / "none")))
    with pytest.raises(SandboxError, match="git fetch"):
        prepare(Repository(str(mirror[0]), "1" * 40), cache=tmp_path)
    with pytest.raises(SandboxError, match="git apply"):
        prepare(Repository(str(mirror[0]), mirror[1], "nonsense\n"), cache=tmp_path)
    assert list((tmp_path / "swe" / "repositories").iterdir()) == [], "what failed leaves nothing"
    with pytest.raises(TaskError, match="repository"):
        prepared_for(Task("x", {**ROW, "repository": "nowhere"}))


def test_a_folder_follows_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "a.py").write_text("a = 1\n")
    (folder / ".gitignore").write_text("*.dat\n")
    (folder / "kept.dat").write_text("ignored, and part of it\n")
    first = prepare(Repository(str(folder)), cache=tmp_path)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.pyc").write_text("x")
    assert prepare(Repository(str(folder)), cache=tmp_path) == first
    patch = diff({"a.py": "a = 1\n"}, {"a.py": "a = 2\n"})
    other = prepare(Repository(str(folder), patch=patch), cache=tmp_path)
    assert (Path(other.folder) / "a.py").read_text() == "a = 2\n" and other.head != first.head
    assert sh("git ls-files", Path(first.folder)).split() == [".gitignore", "a.py", "kept.dat"]
    (folder / "a.py").write_text("a = 2\n")
    assert prepare(Repository(str(folder)), cache=tmp_path).head == other.head, "a commit is what is in it"


def test_python_is_the_one_that_was_prepared(toy: Toy, tmp_path: Path) -> None:
    with toy.open() as sandbox:
        code = "import sys, pytest; print(sys.prefix, sys.version_info[:3]); import numpy"
        done = sandbox.run(["python", "-c", code])
        assert done.stdout.decode().strip() == f"/venv {tuple(sys.version_info[:3])}"
        assert b"No module named 'numpy'" in done.stderr, "nothing of the host's packages but pytest"
        done = sandbox.run("pytest --version", merge_output=True)
        assert done.stdout.decode().strip() == f"pytest {pytest.__version__}"
    with pytest.raises(ConfigError, match="no virtual environment"):
        python_env(tmp_path)
    own = tmp_path / "own"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(own)], check=True)
    with pytest.raises(SandboxError, match="pytest"):  # it has none
        open_workspace(Site(toy.site.prepared, python_env(own)))
    broken = PythonEnv("/nowhere", ())
    with pytest.raises(SandboxError, match="does not run"):
        open_workspace(Site(toy.site.prepared, broken))


def test_bundled_gold_patches_are_covered(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package installed below /usr or into the Python of the tests would show its suites."""
    with toy.open() as sandbox:
        assert sandbox.run("ls /usr/bin | grep -q .").exit_code == 0
    for folder in ("/usr/lib/git-core", str(Path(toy.site.python.mounts[0].source) / "bin")):
        if not Path(folder).is_dir():
            pytest.skip(f"{folder} is not here")
    hidden = "/usr/lib/git-core"
    monkeypatch.setattr(workspace, "tasks_root", lambda: Path(hidden))
    with toy.open() as sandbox:
        assert sandbox.run(f"ls -A {hidden}").stdout == b""


def test_what_holds_gold_patches_is_covered_wherever_it_would_show(toy: Toy, tmp_path: Path) -> None:
    """Suites, rows, mirrors and links out of them, below a folder that the sandbox shows under another name."""
    shown = tmp_path / "shown"
    for name in ("suite/x", "rows/x", "mirrors/toy__calc.git/x", "elsewhere/calc/x", "plain/x"):
        (shown / name).parent.mkdir(parents=True, exist_ok=True)
        (shown / name).write_text(GOLD)
    (tmp_path / "rows.jsonl").symlink_to(shown / "rows" / "x")
    (shown / "suite" / "calc").symlink_to(shown / "elsewhere" / "calc")
    suites = [shown / "suite", f"swebench:{tmp_path}/rows.jsonl#test"]
    base = prepare(Repository(str(shown / "elsewhere" / "calc"))).head
    task = Task("toy", {**toy.task.data, "repository": "calc", "base_commit": base})
    site = site_of(task, suites=suites, mirrors=shown / "mirrors")
    assert isinstance(site, Site)
    hidden = {str(shown / name) for name in ("suite", "rows", "mirrors", "elsewhere/calc")}
    assert set(site.hidden) == hidden
    mounts = (*site.python.mounts, Mount(str(shown), "/shared/data"))
    with open_workspace(replace(site, python=PythonEnv(site.python.prefix, mounts))) as sandbox:
        assert sandbox.run("find /shared/data -type f").stdout == b"/shared/data/plain/x\n"
    mounts = (*mounts, Mount(str(shown / "rows"), "/shared/data/rows/venv"))
    with pytest.raises(ConfigError, match="a folder of their own"):
        open_workspace(replace(site, python=PythonEnv(site.python.prefix, mounts)))
    for folder, why in {"/usr/lib/git-core": None, "/usr": "a folder of their own", "/nowhere": None}.items():
        if why is None and Path(folder).is_dir():
            with open_workspace(replace(toy.site, hidden=(folder, f"{folder}/below"))) as sandbox:
                assert sandbox.run(f"ls -A {folder}").stdout == b""
        elif why is not None:
            with pytest.raises(ConfigError, match=why):
                open_workspace(replace(toy.site, hidden=(folder,)))


def test_snapshots_undo_everything(toy: Toy) -> None:
    with toy.open() as sandbox:
        start = sandbox.snapshot()
        before = sandbox.run("find /testbed /home /tmp /etc /var -printf '%p %m %s\\n' | sort").stdout
        sandbox.run("rm -rf /testbed/* /testbed/.git; echo x > /etc/x; echo y > /home/forge/y; chmod 0 /tmp")
        sandbox.restore(start)
        assert sandbox.run("find /testbed /home /tmp /etc /var -printf '%p %m %s\\n' | sort").stdout == before
