"""What is particular to the Docker backend: leftovers, lost containers and daemons."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from forge_envs import ConfigError, SandboxError
from forge_envs.sandbox import SandboxSpec, docker_engine, open_sandbox

IMAGE = os.environ.get("FORGE_TEST_IMAGE", "forge-test-base")
SPEC = SandboxSpec(backend="docker", image=IMAGE)


@pytest.fixture(autouse=True)
def daemon(no_docker: str) -> None:
    if no_docker:
        pytest.skip(no_docker)


@pytest.fixture
def mine() -> Iterator[Callable[[int], list[str]]]:
    """Containers and images of a process."""
    api = docker_engine.client()

    def find(pid: int) -> list[str]:
        images = api.images(filters={"label": docker_engine.LABEL})
        return _containers(api, pid) + [one["Id"] for one in images if _owner(one) == pid]

    yield find


def _until(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_nothing_is_left(mine: Callable[[int], list[str]]) -> None:
    before = mine(os.getpid())
    with open_sandbox(SPEC) as sandbox:
        moment = sandbox.snapshot()
        sandbox.fork(moment).close()
        sandbox.restore(moment)
        assert len(mine(os.getpid())) == len(before) + 2
    _until(lambda: mine(os.getpid()) == before)


KILLED = """
import os, sys, signal
from forge_envs.sandbox import SandboxSpec, open_sandbox
sandbox = open_sandbox(SandboxSpec(backend='docker', image=sys.argv[1]))
sandbox.snapshot()
print(os.getpid(), flush=True)
sandbox.run('while :; do :; done & sleep 1000')
"""


def test_a_killed_process_leaves_nothing_running(mine: Callable[[int], list[str]]) -> None:
    host = subprocess.Popen([sys.executable, "-c", KILLED, IMAGE], stdout=subprocess.PIPE)
    assert host.stdout is not None
    pid = int(host.stdout.readline())
    _until(lambda: len(mine(pid)) == 2)
    host.send_signal(signal.SIGKILL)
    host.wait()
    host.stdout.close()
    api = docker_engine.client()
    _until(lambda: not _containers(api, pid))
    docker_engine.reclaim(api)
    assert mine(pid) == []


def _containers(api: object, pid: int) -> list[str]:
    found = api.containers(all=True, filters={"label": docker_engine.LABEL})  # type: ignore[attr-defined]
    return [one["Id"] for one in found if _owner(one) == pid]


def _owner(labelled: dict[str, Any]) -> int:
    """The process that owns it; 0 for an image that was prepared to be kept, whose label is empty."""
    return int(labelled["Labels"][docker_engine.LABEL].rpartition(" ")[2].partition("-")[0] or 0)


def test_a_lost_container_is_a_sandbox_error() -> None:
    with open_sandbox(SPEC) as sandbox:
        api = docker_engine.client()
        api.remove_container(sandbox._held.container, force=True)  # type: ignore[attr-defined]
        assert not sandbox.alive()
        for act in (lambda: sandbox.run(["true"]), lambda: sandbox.write("a", b""), lambda: sandbox.read("a")):
            with pytest.raises((SandboxError, FileNotFoundError)):
                act()


def test_no_daemon_is_a_sandbox_error() -> None:
    code = """
from forge_envs.sandbox import SandboxError, SandboxSpec, open_sandbox
try:
    open_sandbox(SandboxSpec(backend='docker', image='x'))
except SandboxError as error:
    print(error)
"""
    env = {**os.environ, "DOCKER_HOST": "unix:///nonexistent/docker.sock"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=60)
    assert done.stdout.startswith("No Docker daemon answers"), done.stderr


def test_a_missing_image_is_a_clear_error() -> None:
    with pytest.raises(SandboxError, match="forge-no-such-image"):
        open_sandbox(SandboxSpec(backend="docker", image="forge-no-such-image"))
    with pytest.raises(ConfigError, match="isolation"):
        open_sandbox(SandboxSpec(backend="docker", image=IMAGE, isolation="none"))
