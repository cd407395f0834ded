"""One pool of judge workers for the tests of a process, and a cache of compiled programs that tests share."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from forge_envs.code_contest.judge import judge_spec
from forge_envs.core.errors import SandboxError
from forge_envs.sandbox.judge import WorkerPool

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "adversarial")]  # machine, cases, problems

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "code"


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiled programs of this run; the processes of one run of pytest share it."""
    shared = "PYTEST_XDIST_WORKER" in os.environ  # their temporary folders are inside the one of the run
    return Path(tempfile.gettempdir()).parent / "forge-cache" if shared else tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def pool(cache_folder: Path) -> Iterator[WorkerPool]:
    """One worker, since xdist uses the other cores."""
    with WorkerPool(judge_spec(workers=1, cache_folder=cache_folder)) as workers:
        try:
            _ = workers.tier
        except SandboxError as error:
            pytest.skip(f"This machine allows no isolation: {error}")
        yield workers


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The developers' data, which is beside the checkout and not in it."""
    if not SHARED.is_dir():
        pytest.skip(f"There is no folder {SHARED.name} of shared data beside the checkout.")
    return SHARED
