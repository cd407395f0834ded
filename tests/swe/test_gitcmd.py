"""Git as Forge runs it: what a repository's own settings, hooks and submodules name is not run or fetched."""

import os
import subprocess
from pathlib import Path

import pytest
from toy_repository import Toy

from forge_envs import SandboxError
from forge_envs.swe.gitcmd import SETTINGS, environment, git
from forge_envs.swe.patch import CLEAN_GIT, take_patch
from forge_envs.swe.repository import Repository, prepare

HOOKS = ("post-checkout", "pre-commit", "post-commit", "reference-transaction", "post-index-change")
USER = ("-c", "user.name=x", "-c", "user.email=x@localhost")


def plain(folder: Path, *arguments: str) -> None:
    """Git as anybody runs it."""
    subprocess.run(["git", *USER, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def hostile(tmp_path: Path) -> tuple[Path, Path]:
    """A repository that runs a program whenever it can, and the file that tells."""
    folder, traces = tmp_path / "hostile", tmp_path / "traces"
    folder.mkdir()
    plain(folder, "init", "-q", "-b", "main")
    (folder / "a").write_text("a\n")
    plain(folder, "add", "a")
    plain(folder, "commit", "-qm", "one")
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho ran >> {traces}\n")
    program.chmod(0o755)
    for name in HOOKS:
        (folder / ".git" / "hooks").mkdir(exist_ok=True)
        os.symlink(program, folder / ".git" / "hooks" / name)
    for name in ("core.fsmonitor", "core.sshCommand", "core.pager", "core.editor", "core.askPass"):
        plain(folder, "config", name, str(program))
    plain(folder, "config", "protocol.allow", "always")
    plain(folder, "config", "core.hooksPath", str(folder / ".git" / "hooks"))
    traces.unlink(missing_ok=True)
    return folder, traces


def test_nothing_of_a_repository_is_run(hostile: tuple[Path, Path], tmp_path: Path) -> None:
    folder, traces = hostile
    plain(folder, "status")
    assert traces.exists(), "the test can tell"
    traces.unlink()
    (folder / "a").write_text("b\n")
    for arguments in (
        ("status", "--porcelain"),
        ("add", "-A"),
        ("commit", "-q", "-m", "two"),
        ("checkout", "-q", "-f", "HEAD"),
        ("log", "--oneline"),
        ("reset", "-q", "--hard"),
    ):
        git(*arguments, folder=folder, scratch=tmp_path)
    for url in ("ext::sh -c true", "ssh://localhost/x", "http://localhost:9/x", "git://localhost/x"):
        with pytest.raises(SandboxError, match="not allowed"):
            git("fetch", url, folder=folder, scratch=tmp_path)
    assert not traces.exists()


def test_preparing_such_a_repository(hostile: tuple[Path, Path], tmp_path: Path) -> None:
    """Its submodules are not fetched, and a replaced commit is not the one that was asked for."""
    folder, traces = hostile
    (folder / ".gitmodules").write_text('[submodule "m"]\n\tpath = m\n\turl = ext::sh -c true\n')
    plain(folder, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "add", ".gitmodules")
    plain(folder, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},m")
    plain(folder, "-c", "core.hooksPath=/dev/null", "commit", "-qm", "two")
    head = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=folder, text=True).strip()
    plain(folder, "replace", head, "HEAD~1")
    traces.unlink(missing_ok=True)
    prepared = prepare(Repository(str(folder), head), cache=tmp_path / "cache")
    assert prepared.head == head and (Path(prepared.folder) / ".gitmodules").exists() and not traces.exists()


def test_in_a_workspace(toy: Toy) -> None:
    """No protocol is allowed there, not even a folder's, and the settings are above those of the repository."""
    with toy.open() as sandbox:
        sandbox.run("git config protocol.allow always; git config core.hooksPath /tmp; git config core.fsmonitor /x")
        sandbox.run("echo more >> README.md")
        for url in ("file:///testbed", "/testbed", "ext::sh -c true"):
            done = sandbox.run(["git", "fetch", url], env=CLEAN_GIT, merge_output=True)
            assert done.exit_code == 128 and b"not allowed" in done.stdout, done.stdout
        for name in ("protocol.allow", "core.hooksPath", "core.fsmonitor", "safe.directory"):
            done = sandbox.run(["git", "config", name], env=CLEAN_GIT)
            assert done.stdout.decode().strip() == SETTINGS[name]
        assert "+more" in take_patch(sandbox).patch
    assert environment()["GIT_CONFIG_COUNT"] == str(len(SETTINGS))
