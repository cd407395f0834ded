"""The sandboxes that the conformance suite runs on."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from forge_envs.sandbox import Sandbox, SandboxError, SandboxSpec, open_sandbox

IMAGE = os.environ.get("FORGE_TEST_IMAGE", "forge-test-base")
SETUPS = {
    "local-namespaces": SandboxSpec(isolation="namespaces"),
    "local-landlock": SandboxSpec(isolation="landlock"),
    "docker": SandboxSpec(backend="docker", image=IMAGE),
}
PROFILES = ("workspace", "judge")


def why_no_docker() -> str:
    """Why the Docker backend can't be tested here, or an empty text."""
    try:
        import docker
    except ImportError:
        return "the docker SDK is not installed (extra `docker`)"
    try:
        client = docker.from_env(timeout=20)
        try:
            client.images.get(IMAGE)
        finally:
            client.close()
    except docker.errors.ImageNotFound:
        return f"the image {IMAGE} is missing: tests/sandbox/start_docker.sh builds it"
    except docker.errors.DockerException:
        return "no Docker daemon answers: tests/sandbox/start_docker.sh starts one"
    return ""


@pytest.fixture(scope="session")
def no_docker() -> str:
    """Why the Docker backend is skipped; with FORGE_TEST_DOCKER=1 it must not be."""
    reason = why_no_docker()
    if reason and os.environ.get("FORGE_TEST_DOCKER") == "1":
        pytest.fail(reason)
    return reason


@pytest.fixture(params=[f"{name}-{profile}" for name in SETUPS for profile in PROFILES])
def spec(request: pytest.FixtureRequest, no_docker: str) -> SandboxSpec:
    """One backend and profile."""
    name, _, profile = request.param.rpartition("-")
    if name == "docker" and no_docker:
        pytest.skip(no_docker)
    return replace(SETUPS[name], profile=profile)


@pytest.fixture(params=list(SETUPS))
def workspace_spec(request: pytest.FixtureRequest, no_docker: str) -> SandboxSpec:
    """One backend's `workspace`."""
    if request.param == "docker" and no_docker:
        pytest.skip(no_docker)
    return SETUPS[request.param]


def _open(spec: SandboxSpec) -> Sandbox:
    try:
        return open_sandbox(spec)
    except SandboxError as error:
        if "refuses" in str(error):
            pytest.skip(str(error))
        raise


@pytest.fixture
def sandbox(spec: SandboxSpec) -> Iterator[Sandbox]:
    with _open(spec) as opened:
        yield opened


@pytest.fixture
def workspace(workspace_spec: SandboxSpec) -> Iterator[Sandbox]:
    with _open(workspace_spec) as opened:
        yield opened


@pytest.fixture
def opened() -> Iterator[Callable[[SandboxSpec], Sandbox]]:
    """Opens sandboxes that the test does not close itself."""
    sandboxes: list[Sandbox] = []

    def start(spec: SandboxSpec) -> Sandbox:
        sandboxes.append(_open(spec))
        return sandboxes[-1]

    yield start
    for sandbox in sandboxes:
        sandbox.close()


@pytest.fixture(scope="session")
def compiler() -> str:
    """A C compiler."""
    found = shutil.which("gcc") or shutil.which("cc")
    if not found:
        pytest.skip("no C compiler")
    return found


@pytest.fixture(scope="session")
def static_program(compiler: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """Compile C to a program that needs no libraries, so that it runs in any sandbox."""
    folder = tmp_path_factory.mktemp("programs")

    def build(source: str) -> bytes:
        name = folder / f"program{len(list(folder.iterdir()))}"
        subprocess.run(
            [compiler, "-O1", "-static", "-pthread", "-x", "c", "-", "-o", name], input=source, text=True, check=True
        )
        return Path(name).read_bytes()

    return build
