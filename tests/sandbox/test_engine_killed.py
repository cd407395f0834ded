"""The Docker engine is killed while a sandbox works.

Only where FORGE_KILL_DOCKER=1 says that the engine is ours; it is stopped at the end.
"""

import os
import random
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from forge_envs import SandboxError
from forge_envs.sandbox import SandboxSpec, docker_engine, open_sandbox

START = Path(__file__).with_name("start_docker.sh")
SPEC = SandboxSpec(backend="docker", image=os.environ.get("FORGE_TEST_IMAGE", "forge-test-base"))
pytestmark = pytest.mark.skipif(
    os.environ.get("FORGE_KILL_DOCKER") != "1", reason="kills the Docker engine; set FORGE_KILL_DOCKER=1 to allow it"
)


def kill_engine() -> None:
    cache = Path(os.environ.get("FORGE_CACHE", Path.home() / ".cache/forge"))
    os.kill(int((cache / "docker-engine.pid").read_text()), signal.SIGKILL)


def mine() -> list[str]:
    label = f"{docker_engine.LABEL}={docker_engine.owner()}"
    return [one["Id"] for one in docker_engine.client().containers(all=True, filters={"label": label})]


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_engine_is_a_sandbox_error_and_leaves_nothing(seed: int) -> None:
    subprocess.run([str(START)], check=True, timeout=120)
    sandbox = open_sandbox(SPEC)
    kept = []
    threading.Timer(random.Random(seed).uniform(0.0, 1.5), kill_engine).start()
    begun = time.monotonic()
    with pytest.raises(SandboxError):
        while True:
            kept.append(sandbox.run(f"sleep 0.05; echo {len(kept)}").stdout)
    assert time.monotonic() - begun < 30
    assert kept == [b"%d\n" % n for n in range(len(kept))]
    assert not sandbox.alive()
    sandbox.close()

    try:
        subprocess.run([str(START)], check=True, timeout=120)
        with open_sandbox(SPEC) as again:
            assert again.run(["echo", "after"]).stdout == b"after\n"
        until = time.monotonic() + 30
        while mine() and time.monotonic() < until:
            time.sleep(0.2)
        assert mine() == []
    finally:
        subprocess.run([str(START), "stop"], check=True, timeout=60)
