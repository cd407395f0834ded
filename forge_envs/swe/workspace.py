"""A workspace: a sandbox with a repository at ``/testbed`` and a Python for its tests."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from forge_envs.core.cache_folder import default_folder
from forge_envs.core.errors import ConfigError, SandboxError
from forge_envs.core.task import tasks_root
from forge_envs.sandbox import open_sandbox
from forge_envs.sandbox.base import Isolation, Limits, Mount, Sandbox, SandboxSpec
from forge_envs.sandbox.linux.rootfs import SYSTEM_FOLDERS
from forge_envs.swe.python_env import PythonEnv
from forge_envs.swe.repository import Prepared

TESTBED = "/testbed"
BASE_GIT = "/base.git"
"""The repository's git folder as it was at reset, read-only: what an agent does to its own can't mislead a diff."""

TOOLS = "/tools"
"""Where `edit_via_str_replace` is, read-only and outside of the repository."""


@dataclass(frozen=True)
class Site:
    """What a workspace is made of; both the agent's and the grader's are made of the same.

    Args:
        prepared: The repository.
        python: For its tests.
        isolation: ``auto``, or ``none`` for a machine that allows no isolation.
        disk_mb: MiB that may be written; held in memory.
    """

    prepared: Prepared
    python: PythonEnv
    isolation: Isolation = "auto"
    disk_mb: int = 1024


def open_workspace(site: Site) -> Sandbox:
    """Start a workspace. Everything that is written in it, anywhere, is a layer over the site, and goes with it.

    Raises:
        SandboxError: The sandbox could not be had, or the site's Python does not run in it.
        ConfigError: The machine allows no namespaces: without them there is no ``/testbed``.
    """
    sandbox = open_sandbox(_spec(site))
    try:
        if sandbox.tier != "A":
            raise ConfigError("Workspaces of the local backend need namespaces (tier A), which this machine refuses.")
        if (site.python, site.isolation) not in _checked:
            _check(sandbox)
            _checked.add((site.python, site.isolation))
    except BaseException:
        sandbox.close()
        raise
    return sandbox


_checked: set[tuple[PythonEnv, str]] = set()


def _check(sandbox: Sandbox) -> None:
    """The interpreter that commands find is the site's, pytest can be imported, and git is there."""
    code = "import pytest, sys; print(sys.prefix)"
    done = sandbox.run(f"python -c '{code}' && git --version", limits=Limits(cpu_s=30), merge_output=True)
    said = done.stdout.decode(errors="replace")
    if done.exit_code != 0 or said.split("\n")[0] != sandbox.spec.env["VIRTUAL_ENV"]:
        raise SandboxError(f"Python with pytest, or git, does not run in the workspace: {said.strip()[-500:]}")


def _spec(site: Site) -> SandboxSpec:
    mounts = (
        Mount(site.prepared.folder, TESTBED, "copy"),
        Mount(f"{site.prepared.folder}/.git", BASE_GIT),
        Mount(_tools(), TOOLS),
        *site.python.mounts,
    )
    return SandboxSpec(
        isolation=site.isolation,
        mounts=(*mounts, *_covers(mounts)),
        env={
            "PATH": f"{site.python.prefix}/bin:{TOOLS}:/usr/local/bin:/usr/bin:/bin",
            "VIRTUAL_ENV": site.python.prefix,
            "HOME": "/home/forge",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "PAGER": "cat",
            "MANPAGER": "cat",
            "GIT_PAGER": "cat",
            "LESS": "-R",
            "PIP_PROGRESS_BAR": "off",
            "TQDM_DISABLE": "1",
        },
        workdir=TESTBED,
        disk_mb=site.disk_mb,
    )


def _covers(mounts: tuple[Mount, ...]) -> tuple[Mount, ...]:
    """An empty folder over the bundled suites, which hold gold patches, where the sandbox would show them."""
    suites = Path(os.path.realpath(tasks_root()))
    shown = [*map(Path, SYSTEM_FOLDERS), *(Path(os.path.realpath(m.source)) for m in mounts)]
    if not any(suites.is_relative_to(folder) for folder in shown):
        return ()
    return (Mount(_empty(), str(suites)),)


def _empty() -> str:
    folder = default_folder() / "swe" / "empty"
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


def _tools() -> str:
    """A folder with the editor as a program; a package's files need not be executable."""
    source = (Path(__file__).parent / "edit_via_str_replace.pl").read_bytes()
    folder = default_folder() / "swe" / "tools" / hashlib.sha256(source).hexdigest()[:32]
    program = folder / "edit_via_str_replace"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            file.write(source)
        os.chmod(file.name, 0o755)
        os.replace(file.name, program)
    return str(folder)
