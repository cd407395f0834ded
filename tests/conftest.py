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

sys.path.insert(0, str(Path(__file__).parent / "core"))  # forge_toy and forge_leftovers, for every test

from forge_leftovers import left_behind

REPO = Path(__file__).resolve().parents[1]
MARK = "FORGE_TEST_RUN"
GRACE = 5.0
"""Seconds that a process or thread gets to end after the last test."""

settings.register_profile("forge", derandomize=True, deadline=None, database=None, max_examples=100)
settings.load_profile("forge")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give the run (and each xdist worker, within it) a folder for everything temporary."""
    folder = tempfile.mkdtemp(prefix=getattr(config, "workerinput", {}).get("workerid", "forge-tests-"))
    config.stash[_folder] = folder
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", f"{folder}/.hypothesis")


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
    while (left := left_behind(mark, threads)) and time.monotonic() < until:
        time.sleep(0.05)
    if left:
        pytest.fail("The tests left behind: " + "; ".join(left), pytrace=False)


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
