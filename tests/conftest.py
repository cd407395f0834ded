"""What every test shares: a run that leaves nothing behind, deterministic property tests, a toy suite."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

REPO = Path(__file__).resolve().parents[1]
MARK = "FORGE_TEST_RUN"
GRACE = 5.0
"""Seconds that a process or thread gets to end after the last test."""

# The helpers of the standard library end with the process that started them, and so do their folders.
HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")
HELPER_FOLDERS = ("pytest-of-", "pymp-")

sys.path.insert(0, str(REPO / "tests" / "core"))
settings.register_profile("forge", derandomize=True, deadline=None, database=None, max_examples=100)
settings.load_profile("forge")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give the run (and each xdist worker, within it) a folder for everything temporary."""
    folder = tempfile.mkdtemp(prefix=getattr(config, "workerinput", {}).get("workerid", "forge-tests-"))
    config.stash[_folder] = folder
    os.environ["TMPDIR"] = tempfile.tempdir = folder


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove that folder, with the folders of `tmp_path` in it."""
    shutil.rmtree(config.stash[_folder], ignore_errors=True)


_folder = pytest.StashKey[str]()


@pytest.fixture(scope="session", autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Fail the run if its tests leave processes, threads that block the exit, or temporary folders."""
    mark = f"{MARK}={uuid.uuid4().hex}"
    os.environ[MARK] = mark.partition("=")[2]
    threads = set(threading.enumerate())
    yield
    until = time.monotonic() + GRACE
    while (left := _left(mark, threads)) and time.monotonic() < until:
        time.sleep(0.05)
    if left:
        pytest.fail("The tests left behind: " + "; ".join(left), pytrace=False)


def _left(mark: str, threads: set[threading.Thread]) -> list[str]:
    running = [t for t in threading.enumerate() if t not in threads and not t.daemon]
    folders = [p for p in Path(tempfile.gettempdir()).iterdir() if not p.name.startswith(HELPER_FOLDERS)]
    found = [f"process {line}" for line in _processes(mark)] + [f"thread {t.name}" for t in running]
    return found + [f"temporary {p}" for p in folders]


def _processes(mark: str) -> list[str]:
    """Children of this process, and every process that inherited the mark, however it was detached (Linux only)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            inherited = mark.encode() in (entry / "environ").read_bytes()
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        mine = parent == os.getpid() or inherited and int(entry.name) != os.getpid()
        if mine and not any(helper in command for helper in HELPERS):
            found.append(f"{entry.name} {command[:120] or '(zombie)'}")
    return found


@pytest.fixture(scope="session")
def python() -> Callable[..., str]:
    """Run Python code in a new interpreter, outside the checkout; gives its standard output."""

    def run(code: str, *arguments: str) -> str:
        paths = os.pathsep.join([str(REPO), str(REPO / "tests" / "core")])
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, "PYTHONPATH": paths},
            cwd=tempfile.gettempdir(),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def toy_suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small suite over the toy domain."""
    from forge_toy import write_suite

    return write_suite(tmp_path_factory.mktemp("suites") / "toy")
