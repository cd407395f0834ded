"""Trouble with containers that is not the agent's, and trouble that is: a full disk, an image that has gone."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from test_docker_workspaces import Make, make, site, toy_image, toy_task  # noqa: F401 (fixtures)
from toy_repository import GOLD

from forge_envs import SandboxError
from forge_envs.core.task import Task
from forge_envs.sandbox import open_sandbox
from forge_envs.sandbox.base import Mount
from forge_envs.swe.docker_prepare import prepared_images, remove_image
from forge_envs.swe.patch import take_patch
from forge_envs.swe.pool import opener
from forge_envs.swe.sites import site_of
from forge_envs.swe.workspace import DockerSite, _container, open_workspace


@pytest.fixture
def full(tmp_path: Path) -> Iterator[str]:
    """A disk on which nothing can be written, as the engine's may be."""
    place = tmp_path / "full"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)], capture_output=True).returncode:
        pytest.skip("file systems can't be mounted here")
    (place / "x").write_bytes(b"")
    subprocess.run(["dd", "if=/dev/zero", f"of={place / 'x'}", "bs=64k"], capture_output=True)
    yield str(place)
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk(site: DockerSite, full: str) -> None:  # noqa: F811
    """It is the agent's doing if its files would have filled a disk of its own."""
    spec = replace(_container(site), mounts=(Mount(full, "/tmp"),), disk_mb=8)
    with open_sandbox(spec) as sandbox:
        sandbox.run("echo more >> README.md; head -c 2000000 /dev/zero > /root/data")
        with pytest.raises(SandboxError, match="the disk that the engine uses is full"):
            take_patch(sandbox)
        sandbox.run("head -c 9000000 /dev/zero > /root/data; touch -d 1990-01-01 /root/data")
        taken = take_patch(sandbox)
        assert taken.patch == "" and "disk is full" in (taken.error or ""), "times of files can be set, not these"


def test_a_workspace_that_the_agent_broke(site: DockerSite) -> None:  # noqa: F811
    """With no place for files of ours and room on the disk, it is the agent's doing."""
    with open_workspace(site) as sandbox:
        sandbox.run("echo more >> README.md; rm -rf /tmp; touch /tmp")
        taken = take_patch(sandbox)
        assert taken.patch == "" and "exit code 1" in (taken.error or ""), taken


def test_an_image_that_has_gone(toy_task: Task) -> None:  # noqa: F811
    """It is made again, once: as with a repository that somebody removed to make room."""
    found, open_one = opener(lambda: site_of(toy_task, sandbox="docker"))
    assert isinstance(found, DockerSite)
    remove_image(found.prepared.image)
    assert found.prepared.image not in {one["image"] for one in prepared_images()}
    with open_one() as sandbox:
        assert sandbox.run("git apply -", stdin=GOLD.encode()).exit_code == 0
        assert "n * 2" in take_patch(sandbox).patch
    lost = DockerSite(replace(found.prepared, image="sha256:" + "0" * 64))
    _, open_one = opener(lambda: lost)
    with pytest.raises(SandboxError, match="No sandbox from image"):
        open_one()
