"""The local backend as a user without privileges, tried as `nobody` where the tests run as root."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from forge_envs.sandbox import tiers

NOBODY = 65534

# A bare interpreter, because the environment of the tests may lie where others can't read it.
CODE = """
import json, os, sys, time
from forge_envs.sandbox.base import Limits, Mount, SandboxSpec
from forge_envs.sandbox.local import LocalSandbox
from forge_envs.core.errors import SandboxError

isolation, profile = sys.argv[1:]
found = {"uid": os.getuid()}
try:
    box = LocalSandbox(SandboxSpec(isolation=isolation, profile=profile))
except SandboxError as error:
    print(json.dumps({"refused": str(error)}))
    sys.exit()
python = ["/usr/bin/python3", "-I", "-S", "-c"]
with box:
    found["tier"] = box.tier
    found["echo"] = box.run(["/bin/echo", "hello"], stdin=b"x").stdout.decode()
    found["cpu"] = box.run([*python, "while True: pass"], limits=Limits(cpu_s=0.3, wall_s=60)).ended
    found["wall"] = box.run([*python, "import time; time.sleep(50)"], limits=Limits(wall_s=0.5)).ended
    eat = "import time\\nx = bytearray(b'x') * 300_000_000\\ntime.sleep(5)"
    found["memory"] = box.run([*python, eat], limits=Limits(wall_s=60, memory_mb=64)).ended
    box.write("a/b", b"content")
    found["read"] = box.read("a/b").decode()
    fork = "import os\\ntry: os.fork()\\nexcept OSError: print('refused')"
    found["fork"] = box.run([*python, fork]).stdout.decode()
    found["host"] = box.run([*python, "import os\\nprint(os.listdir('/home'))"]).stdout.decode()
    if profile == "workspace":
        moment = box.snapshot()
        box.write("a/b", b"changed")
        with box.fork(moment) as other:
            found["forked"] = other.read("a/b").decode()
        box.restore(moment)
        found["restored"] = box.run("cat a/b").stdout.decode()
        bomb = "import os\\nwhile True:\\n  try: os.fork()\\n  except OSError: pass"
        found["bomb"] = box.run([*python, bomb], limits=Limits(cpu_s=2, wall_s=5, processes=20)).ended
        found["daemon"] = box.run("(setsid sleep 98765 &) ; echo started").stdout.decode()
print(json.dumps(found))
"""


def _interpreter() -> str:
    for path in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        check = [path, "-I", "-S", "-c", "import sys, ctypes; sys.exit(sys.version_info < (3, 11))"]
        try:
            if subprocess.run(check, user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True).returncode == 0:
                return path
        except OSError:
            continue
    pytest.skip("no Python 3.11 that everybody may run")


HOST = """
import sys
from forge_envs.sandbox.base import SandboxSpec
from forge_envs.sandbox.local import LocalSandbox
from forge_envs.core.errors import SandboxError

try:
    box = LocalSandbox(SandboxSpec(isolation=sys.argv[1]))
except SandboxError as error:
    sys.exit(f"refused: {error}")
print("open", flush=True)
box.run("setsid sleep MARK & (setsid sleep MARK &) ; sleep MARK".replace("MARK", sys.argv[2]))
"""


def as_nobody(code: str, *arguments: str) -> "subprocess.Popen[str]":
    if os.geteuid() != 0:
        pytest.skip("the other tests run as an ordinary user already")
    if any(path.stat().st_mode & 0o005 != 0o005 for path in Path(tiers.__file__).resolve().parents):
        pytest.skip("the checkout is closed to other users")
    return subprocess.Popen(
        [_interpreter(), "-I", "-S", "-c", tiers.BOOT + code, *arguments],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd="/",
        env={},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("isolation", ["namespaces", "landlock"])
def test_a_killed_host_of_nobody_leaves_nothing_running(isolation: str) -> None:
    mark = f"87654.{os.getpid()}{time.monotonic_ns()}"
    with as_nobody(HOST, isolation, mark) as host:
        assert host.stdout is not None and host.stderr is not None
        if host.stdout.readline() != "open\n":
            pytest.skip(host.stderr.read())
        _until(lambda: len(_sleeping(mark)) == 3)
        host.send_signal(signal.SIGKILL)
    _until(lambda: not _sleeping(mark))


@pytest.mark.parametrize("isolation", ["namespaces", "landlock"])
@pytest.mark.parametrize("profile", ["workspace", "judge"])
def test_as_nobody(isolation: str, profile: str) -> None:
    with as_nobody(CODE, isolation, profile) as process:
        out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    found = json.loads(out)
    if "refused" in found:
        pytest.skip(found["refused"])
    assert found["uid"] == NOBODY and found["tier"] == {"namespaces": "A", "landlock": "B"}[isolation]
    assert (found["echo"], found["cpu"], found["wall"]) == ("hello\n", "cpu_limit", "wall_limit")
    assert found["memory"] == "memory_limit" and found["read"] == "content"
    assert found["fork"] == ("refused\n" if profile == "judge" else "")
    assert "[" not in found["host"] or found["host"] == "['forge']\n"
    if profile == "workspace":
        assert (found["forked"], found["restored"], found["daemon"]) == ("content", "content", "started\n")
        assert found["bomb"] in ("cpu_limit", "wall_limit")
    assert not [p for p in Path("/proc").glob("[0-9]*/cmdline") if b"sleep\x0098765" in _bytes(p)]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _sleeping(seconds: str) -> list[str]:
    line = f"sleep\0{seconds}\0".encode()
    return [path.parent.name for path in Path("/proc").glob("[0-9]*/cmdline") if _bytes(path) == line]


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
