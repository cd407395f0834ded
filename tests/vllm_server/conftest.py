"""Tests against a real vLLM server. They run only where FORGE_VLLM_PYTHON names the python of its environment."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # forge_vllm

PYTHON = os.environ.get("FORGE_VLLM_PYTHON", "")
if PYTHON:
    PYTHON = os.path.abspath(PYTHON)  # the server runs in a folder of its own; the link itself names the environment


def pytest_configure(config: pytest.Config) -> None:
    """Know the markers."""
    config.addinivalue_line("markers", "kills_vllm: ends the server, so it runs after the tests that need it alive")
    config.addinivalue_line("markers", "vllm: needs a real vLLM server, see tests/vllm_server/install.sh")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, skip them where there is no vLLM, and order them so that one start is enough."""
    items.sort(key=lambda item: item.get_closest_marker("kills_vllm") is not None)
    reason = "set FORGE_VLLM_PYTHON to DIR/bin/python after tests/vllm_server/install.sh DIR"
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.vllm)
            if not PYTHON:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def vllm_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the small model that the server serves."""
    from forge_vllm import save_small_model

    return save_small_model(tmp_path_factory.mktemp("vllm") / "model")


@pytest.fixture(scope="session")
def start_vllm(vllm_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], object]]:
    """Gives the session's running server; starts it, also again after a test that killed it."""
    from forge_vllm import VLLMServer

    running: list[VLLMServer] = []
    faults: list[str] = []

    def server() -> VLLMServer:
        if faults:
            pytest.fail(f"vLLM did not start for an earlier test: {faults[0][-300:]}", pytrace=False)
        if not running or running[-1].process.poll() is not None:
            try:
                running.append(VLLMServer(PYTHON, vllm_model, tmp_path_factory.mktemp("vllm") / "server.log"))
            except RuntimeError as error:  # every further try would take as long
                faults.append(str(error))
                raise
        return running[-1]

    yield server
    for started in running:
        started.close()


@pytest.fixture
def vllm_server(start_vllm: Callable[[], object]) -> object:
    """A running server: `url`, `model` (its served name), `folder`, `connection()` for clients, `kill()`."""
    return start_vllm()
