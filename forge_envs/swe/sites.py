"""From a task to what its workspaces are made of, on either backend."""

import os
from collections.abc import Sequence
from pathlib import Path

from forge_envs.core.errors import ConfigError
from forge_envs.core.task import Task
from forge_envs.sandbox.base import Backend, Isolation
from forge_envs.swe.docker_prepare import prepare_image
from forge_envs.swe.docker_pull import Progress, image_name
from forge_envs.swe.python_env import python_env
from forge_envs.swe.sources import locate, prepared_for
from forge_envs.swe.task import SWETask
from forge_envs.swe.workspace import AnySite, DockerSite, Site


def site_of(
    task: Task,
    *,
    sandbox: Backend = "local",
    suites: Sequence[str | Path] = (),
    mirrors: str | Path | None = None,
    python: str | Path | None = None,
    image: str | None = None,
    isolation: Isolation = "auto",
    disk_mb: int = 1024,
    network: bool = False,
    progress: Progress | None = None,
) -> AnySite:
    """Prepare what a task's workspaces stand on, or find it. The first time may take minutes, any other is quick.

    Args:
        task: With a row of `SWETask`.
        sandbox: ``local``: the repository from the suite or the mirrors, and a virtual environment of this machine.
            ``docker``: the task's image.
        suites: See `forge_envs.swe.sources.locate`.
        mirrors: See there. With ``docker`` and `image`, they give the repository to an image that has none.
        python: A virtual environment; with ``docker`` its folder in the image, where a login does not find it.
        image: With ``docker``: a name or a template (`forge_envs.swe.docker_pull.image_name`) in place of the row's.
        isolation: Of ``local``.
        disk_mb: Of ``local``: MiB that may be written.
        network: Of ``docker``: give containers a network.
        progress: Is told how the pull of an image gets on.

    Raises:
        ConfigError, TaskError: Something that the task needs is not given or not there.
        SandboxError: It could not be prepared; of an image, `forge_envs.swe.docker_pull.ImageError`.
    """
    if sandbox == "local":
        if image is not None or network:
            raise ConfigError('image= and network= are for sandbox="docker".')
        prepared = prepared_for(task, suites=suites, mirrors=mirrors)
        module, hidden = _module(SWETask.from_row(task.data, task.id)), _hidden(task, suites, mirrors)
        return Site(prepared, python_env(python), isolation, disk_mb, module, hidden)
    if sandbox != "docker":
        raise ConfigError(f'sandbox: {sandbox!r} is none of "local" and "docker".')
    about = SWETask.from_row(task.data, task.id)
    row_has_files = "repository" in task.data
    if row_has_files and image is None and about.image is None:
        raise ConfigError(
            f"Task {task.id!r} brings its repository and no image: give image=, the name of one with git, bash, Perl"
            " and a Python that has pytest."
        )
    folder = None
    if row_has_files or (image is not None and mirrors is not None):
        folder = prepared_for(task, suites=suites, mirrors=mirrors).folder
    if about.bug_patch and folder is None:  # its image's history would show what the bug changed
        raise ConfigError(f"Task {task.id!r} has bug_patch: with docker, give image= and mirrors=, or use local.")
    made = prepare_image(
        image_name(about, image),
        base_commit=about.base_commit,
        repository=folder,
        python=None if python is None else str(python),
        progress=progress,
    )
    return DockerSite(made, _module(about), network)


def setting(
    *, sandbox: Backend = "local", python: str | Path | None = None, image: str | None = None
) -> tuple[str, ...]:
    """What a verdict depends on besides its row and its patch, as texts; with ``local`` also what `python` has."""
    if sandbox != "local" or python is None:
        return (sandbox, str(image), str(python))
    packages = sorted(path.name for path in Path(python).glob("lib/python*/site-packages/*-info"))
    return (sandbox, str(image), os.path.abspath(python), *packages)


def _module(task: SWETask) -> str:
    """What must be importable to run the tests; a runner of the repository's own needs nothing."""
    return "pytest" if "pytest" in task.test_command else ""


def _hidden(task: Task, suites: Sequence[str | Path], mirrors: str | Path | None) -> tuple[str, ...]:
    """Folders with gold patches or later commits: suites, rows (``swebench:SOURCE``), mirrors, a repository."""
    found = {} if mirrors is None else {os.path.realpath(mirrors): None}
    for suite in suites:
        source = str(suite).removeprefix("swebench:")
        for path in (source, source.partition("#")[0]):
            if os.path.exists(path):
                real = os.path.realpath(path)
                found[real if os.path.isdir(real) else os.path.dirname(real)] = None
    repository = locate(task, suites=suites, mirrors=mirrors)  # perhaps a link out of its suite or the mirrors
    return tuple({**found, os.path.realpath(repository.path): None})
