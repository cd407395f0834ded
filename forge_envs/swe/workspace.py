"""A workspace: a sandbox, local or a container, with a repository at ``/testbed`` and a Python for its tests."""

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
from forge_envs.swe.docker_prepare import PreparedImage
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
        runner: The module that the tests are run with, ``pytest`` for most; empty where it is the repository's own.
        hidden: Folders of the host with gold patches or later commits. Where a workspace would show them, it shows
            empty folders.
    """

    prepared: Prepared
    python: PythonEnv
    isolation: Isolation = "auto"
    disk_mb: int = 1024
    runner: str = "pytest"
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class DockerSite:
    """What a workspace in a container is made of.

    Args:
        prepared: The image (`forge_envs.swe.docker_prepare.prepare_image`).
        runner: As in `Site`.
        network: Give containers the engine's network; loopback works without.
    """

    prepared: PreparedImage
    runner: str = "pytest"
    network: bool = False


AnySite = Site | DockerSite


def open_workspace(site: AnySite) -> Sandbox:
    """Start a workspace. Everything that is written in it, anywhere, is a layer over the site, and goes with it.

    Raises:
        SandboxError: The sandbox could not be had, or the site's Python does not run in it.
        ConfigError: The machine allows no namespaces: without them there is no ``/testbed``.
    """
    sandbox = open_sandbox(_spec(site) if isinstance(site, Site) else _container(site))
    try:
        if sandbox.tier != "A":
            raise ConfigError("Workspaces of the local backend need namespaces (tier A), which this machine refuses.")
        where = site.python if isinstance(site, Site) else site.prepared.image
        about = (where, site.runner, site.isolation if isinstance(site, Site) else "")
        if about not in _checked:
            _check(sandbox, site.python.prefix if isinstance(site, Site) else site.prepared.prefix, site.runner)
            _checked.add(about)
    except BaseException:
        sandbox.close()
        raise
    return sandbox


_checked: set[tuple[object, ...]] = set()


def _check(sandbox: Sandbox, prefix: str, runner: str) -> None:
    """The interpreter that commands find is the site's, the tests' runner can be imported, and git is there."""
    code = f"import sys; print(sys.prefix); import {runner or 'sys'}"
    done = sandbox.run(f"python -c '{code}' && git --version", limits=Limits(cpu_s=30), merge_output=True)
    said = done.stdout.decode(errors="replace").strip()
    found = said.split("\n")[0]
    if done.exit_code != 0 or found != (prefix or found):
        wanted = f"Python of {prefix or 'the image'}" + (f" with {runner}" if runner else "")
        raise SandboxError(f"{wanted}, or git, does not run in the workspace: {said[-500:]}")


def _spec(site: Site) -> SandboxSpec:
    mounts = (
        Mount(site.prepared.folder, TESTBED, "copy"),
        Mount(f"{site.prepared.folder}/.git", BASE_GIT),
        Mount(_tools(), TOOLS),
        *site.python.mounts,
    )
    return SandboxSpec(
        isolation=site.isolation,
        mounts=(*mounts, *_covers(mounts, site.hidden)),
        env={
            "PATH": f"{site.python.prefix}/bin:{TOOLS}:/usr/local/bin:/usr/bin:/bin",
            "VIRTUAL_ENV": site.python.prefix,
            "HOME": "/home/forge",
            **_QUIET,
        },
        workdir=TESTBED,
        disk_mb=site.disk_mb,
    )


_QUIET = {
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "PAGER": "cat",
    "MANPAGER": "cat",
    "GIT_PAGER": "cat",
    "LESS": "-R",
    "PIP_PROGRESS_BAR": "off",
    "TQDM_DISABLE": "1",
}


def _container(site: DockerSite) -> SandboxSpec:
    env = dict(site.prepared.env)
    first, colon, rest = env["PATH"].partition(":")
    return SandboxSpec(
        backend="docker",
        image=site.prepared.image,
        env={**env, **_QUIET, "PATH": f"{first}:{TOOLS}{colon}{rest}"},
        workdir=TESTBED,
        network=site.network,
    )


def _covers(mounts: tuple[Mount, ...], hidden: tuple[str, ...]) -> tuple[Mount, ...]:
    """Empty folders over what holds gold patches or later commits, wherever the sandbox would show it."""
    system = [Mount(folder, folder) for folder in SYSTEM_FOLDERS if not os.path.islink(folder)]
    always = (str(tasks_root()), str(default_folder() / "swe" / "repositories"))
    secret = {os.path.realpath(folder) for folder in (*always, *hidden)}
    found: set[Path] = set()
    for mount in (*system, *mounts):
        source = Path(os.path.realpath(mount.source))
        inside = [Path(folder) for folder in secret if os.path.isdir(folder) and Path(folder).is_relative_to(source)]
        found |= {Path(mount.target) / folder.relative_to(source) for folder in inside}
    for folder in found:
        needed = next((one.target for one in (*system, *mounts) if Path(one.target).is_relative_to(folder)), None)
        if needed is not None:
            raise ConfigError(
                f"{str(folder)!r} holds rows, suites or clones that an agent must not see, and {needed!r}, which its"
                " workspace needs: move the rows, suites or clones to a folder of their own."
            )
    outermost = [folder for folder in sorted(found) if not found & set(folder.parents)]
    return tuple(Mount(_empty(), str(folder)) for folder in outermost)


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
