"""What a sandbox leaves behind: nothing."""

import gc
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from forge_envs import ConfigError
from forge_envs.sandbox import Limits, Pool, SandboxError, SandboxSpec, factory, open_sandbox
from forge_envs.sandbox.linux import cgroups

TIERS = ("namespaces", "landlock")


def _counts() -> dict[str, int]:
    """What a run could leave: descriptors, children, mounts of this process, temporary folders, control groups."""
    folders = [
        path
        for place in {tempfile.gettempdir(), "/tmp", "/var/tmp"}
        for path in Path(place).glob(f"forge-sandbox-{os.getpid()}-*")
    ]
    where = cgroups.hierarchies()
    parents = [where.unified] if where.unified else [path for _, path in where.split]
    groups = [path for parent in parents if parent for path in parent.glob(f"forge-{os.getpid()}-*")]
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "mounts": len(Path("/proc/self/mountinfo").read_text().splitlines()),
        "folders": len(folders),
        "groups": len(groups),
        "processes": len(_descendants()),
        "threads": threading.active_count(),
    }


def _no_more_than(before: dict[str, int]) -> bool:
    """Less is fine: a factory of an earlier test may have left meanwhile."""
    return all(count <= before[name] for name, count in _counts().items())


def _descendants() -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, todo = [], [os.getpid()]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def _until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, _counts()
        time.sleep(0.05)


@pytest.mark.parametrize("isolation", TIERS)
def test_nothing_is_left(isolation: str) -> None:
    with open_sandbox(SandboxSpec(isolation=isolation)) as keep:  # the factory and the modules are there from here on
        keep.run(["true"])
        before = _counts()
        for _ in range(5):
            with open_sandbox(SandboxSpec(isolation=isolation)) as sandbox:
                sandbox.write("a", b"1")
                sandbox.run("echo 2 > b; (setsid sleep 100 &); mkdir -p c; chmod 000 c")
                moment = sandbox.snapshot()
                sandbox.fork(moment).close()
                sandbox.restore(moment)
                sandbox.run("sleep 100", limits=Limits(wall_s=0.2))
        _until(lambda: _no_more_than(before))


def test_the_factory_leaves_when_idle() -> None:
    open_sandbox(SandboxSpec()).close()
    _until(lambda: not [pid for pid in _descendants() if b"keeper" in _command(pid)])
    with open_sandbox(SandboxSpec()) as again:
        assert again.run(["/bin/echo", "new"]).stdout == b"new\n"


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize("isolation", TIERS)
def test_a_forgotten_one_is_collected(isolation: str) -> None:
    with open_sandbox(SandboxSpec(isolation=isolation)) as keep:
        keep.run(["true"])
        before = _counts()
        sandbox = open_sandbox(SandboxSpec(isolation=isolation))
        sandbox.run(["true"])
        sandbox.me = sandbox  # type: ignore[attr-defined]
        del sandbox
        gc.collect()
        _until(lambda: _no_more_than(before))


def test_a_killed_keeper_is_a_sandbox_error() -> None:
    with open_sandbox(SandboxSpec()) as sandbox:
        sandbox.run(["true"])
        assert sandbox.alive()
        for pid in reversed(_descendants()):
            if b"keeper" in _command(pid):
                os.kill(pid, 9)
        _until(lambda: not sandbox.alive())
        with pytest.raises(SandboxError):
            sandbox.run(["true"])
    with open_sandbox(SandboxSpec()) as again:
        assert again.run(["/bin/echo", "new"]).stdout == b"new\n"


def test_killed_in_the_middle_of_a_run() -> None:
    with open_sandbox(SandboxSpec()) as sandbox:
        failures: list[Exception] = []

        def run() -> None:
            try:
                sandbox.run("sleep 50")
            except SandboxError as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        _until(
            lambda: any(_command(pid).startswith(b"sleep") or b"sleep 50" in _command(pid) for pid in _descendants())
        )
        for pid in reversed(_descendants()):
            if b"keeper" in _command(pid):
                try:
                    os.kill(pid, 9)
                except ProcessLookupError:
                    continue
        thread.join(20)
        assert failures and not thread.is_alive()


KILLED = """
import os, sys, signal
from forge_envs.sandbox import SandboxSpec, open_sandbox
sandbox = open_sandbox(SandboxSpec(isolation=sys.argv[1]))
sandbox.run(['true'])
print(os.getpid(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("isolation", TIERS)
def test_leftovers_of_a_killed_process_are_reclaimed(isolation: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, isolation], capture_output=True, text=True, timeout=60)
    pid = int(done.stdout)
    time.sleep(0.5)
    factory.reclaim()
    where = cgroups.hierarchies()
    parents = [where.unified] if where.unified else [path for _, path in where.split]
    assert not [path for parent in parents if parent for path in parent.glob(f"forge-{pid}-*")]
    for place in {tempfile.gettempdir(), "/tmp", "/var/tmp"}:
        assert not list(Path(place).glob(f"forge-sandbox-{pid}-*"))


def test_a_forked_process_has_sandboxes_of_its_own() -> None:
    code = """
import os
from forge_envs.sandbox import SandboxSpec, open_sandbox
with open_sandbox(SandboxSpec()) as parent:
    parent.write('a', b'parent')
    child = os.fork()
    if child == 0:
        with open_sandbox(SandboxSpec()) as own:
            own.write('a', b'child')
            os._exit(0 if own.run('cat a').stdout == b'child' else 1)
    assert os.waitpid(child, 0)[1] == 0
    print(parent.run('cat a').stdout.decode())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "parent\n", done.stderr


def test_many_threads() -> None:
    results: list[bytes] = []

    def work(number: int) -> None:
        with open_sandbox(SandboxSpec()) as sandbox:
            results.append(sandbox.run(f"echo {number}").stdout)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [b"%d\n" % i for i in range(8)]


def test_pool_hands_out_fresh_ones() -> None:
    with Pool(SandboxSpec(), warm=2) as pool:
        pool.fill()
        assert len(pool) == 2
        for _ in range(4):
            with pool.take() as sandbox:
                assert sandbox.run("ls -A; echo x > file").stdout == b""
        assert not sandbox.alive()
    assert len(pool) == 0
    with pytest.raises(SandboxError), pool.take():
        pass


def test_pool_replaces_the_dead() -> None:
    with Pool(SandboxSpec(), warm=1) as pool:
        pool.fill()
        pool._ready[0].close()
        with pool.take() as sandbox:
            assert sandbox.run(["/bin/echo", "1"]).stdout == b"1\n"


def test_pool_has_a_cap() -> None:
    with (
        Pool(SandboxSpec(), warm=0, most=1) as pool,
        pool.take(),
        pytest.raises(SandboxError, match="free"),
        pool.take(timeout_s=0.1),
    ):
        pass
    with pytest.raises(ConfigError):
        Pool(SandboxSpec(), boots=0)


def test_specs_that_do_not_fit() -> None:
    for spec in (
        SandboxSpec(backend="podman"),  # type: ignore[arg-type]
        SandboxSpec(network=True),
        SandboxSpec(workdir="relative"),
        SandboxSpec(image="no-such-folder"),
        SandboxSpec(backend="docker"),
    ):
        with pytest.raises(ConfigError):
            open_sandbox(spec)


def test_no_isolation_has_to_be_asked_for() -> None:
    with open_sandbox(SandboxSpec(isolation="none")) as sandbox:
        assert sandbox.tier == "C"
        assert sandbox.run(["/bin/echo", "bare"]).stdout == b"bare\n"
        assert sandbox.run("sleep 50", limits=Limits(wall_s=0.3)).ended == "wall_limit"
