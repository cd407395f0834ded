"""Many variants of a repository in one sandbox, each in a fork of a warmed pytest (`driver.py`)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forge_envs.core.errors import SandboxError
from forge_envs.sandbox.base import Limits, Sandbox, Snapshot
from forge_envs.swe.synthesis.patches import Files
from forge_envs.swe.workspace import TESTBED, Site, open_workspace

_PLACE = "/tmp/.forge/driver.py"
_OUTPUT = 64 * 2**20


@dataclass(frozen=True)
class Run:
    """One session of pytest on one variant.

    Args:
        files: What differs from the repository.
        arguments: Test files.
        tests: Ids of the tests that run; None means all of the files.
        cpu_s: CPU seconds; on the clock it may take three times that and 20 s.
        stop: End with the first failure.
        detail: How many failures are described.
        cover: Also tell which test runs which lines (True), or how long each takes (either); None: neither.
        warm: Keep the bytecode, for the runs that follow.
    """

    files: Files
    arguments: Sequence[str]
    tests: Sequence[str] | None = None
    cpu_s: float = 60.0
    stop: bool = False
    detail: int = 0
    cover: bool | None = None
    warm: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Args:
        ended: ``exited``, ``timeout`` or ``died``.
        outcomes: PASSED, FAILED, ERROR, SKIPPED, XFAIL or XPASS by test.
        uncollected: Files that could not be imported.
        failures: Type, message, line and text by test.
        found: The whole answer.
    """

    ended: str
    outcomes: Mapping[str, str]
    uncollected: Sequence[str]
    failures: Mapping[str, Mapping[str, Any]]
    found: Mapping[str, Any] = field(default_factory=dict)

    @property
    def broken(self) -> frozenset[str]:
        """Tests that failed."""
        return frozenset(test for test, status in self.outcomes.items() if status in ("FAILED", "ERROR"))


class Runner:
    """One sandbox with the repository; each batch begins with the same files. One thread at a time.

    Args:
        site: The repository and its Python.
        paths: For ``PYTHONPATH``.
    """

    def __init__(self, site: Site, paths: str = ""):
        self._sandbox: Sandbox = open_workspace(site)
        self._paths = paths
        self.modules: tuple[str, ...] = ()
        self.cpu_s = 0.0
        self._sandbox.write(_PLACE, (Path(__file__).parent / "driver.py").read_bytes())
        self._base: Snapshot = self._sandbox.snapshot()

    def run(self, runs: Sequence[Run]) -> list[Outcome]:
        """Run a batch.

        Raises:
            SandboxError: The sandbox or the driver failed.
        """
        asked = {"modules": self.modules, "runs": [_row(number, run) for number, run in enumerate(runs)]}
        wall = sum(_wall(run) for run in runs) + 60
        done = self._sandbox.run(
            ["python", _PLACE],
            stdin=json.dumps(asked).encode(),
            limits=Limits(cpu_s=None, wall_s=wall, memory_mb=4096, output_bytes=_OUTPUT, processes=512),
            cwd=TESTBED,
            env={"PYTHONDONTWRITEBYTECODE": "", **({"PYTHONPATH": self._paths} if self._paths else {})},
        )
        self.cpu_s += done.cpu_s
        if any(run.warm for run in runs):
            self._base = self._sandbox.snapshot()
        else:
            self._sandbox.restore(self._base)
        found: dict[int, Outcome] = {}
        for line in done.stdout.split(b"\n"):
            if line.strip():
                number, outcome = _read(line)
                found[number] = outcome
        if done.ended not in ("exited", "memory_limit") or (done.exit_code not in (0, None) and not found):
            said = done.stderr.decode(errors="replace").strip()[-500:]
            raise SandboxError(f"The driver of the tests ended as {done.ended}: {said}")
        lost = Outcome("died", {}, (), {})
        return [found.get(number, lost) for number in range(len(runs))]

    def close(self) -> None:
        """End the sandbox."""
        self._sandbox.close()


def _wall(run: Run) -> float:
    return 20 + 3 * run.cpu_s


def _row(number: int, run: Run) -> dict[str, Any]:
    return {
        "id": number,
        "files": {path: None if content is None else content.decode() for path, content in run.files.items()},
        "arguments": list(run.arguments),
        "tests": None if run.tests is None else list(run.tests),
        "cpu_s": run.cpu_s,
        "wall_s": _wall(run),
        "stop": run.stop,
        "detail": run.detail,
        "cover": run.cover,
        "warm": run.warm,
    }


def _read(line: bytes) -> tuple[int, Outcome]:
    """What the sandbox says, which is not trusted: only its form is."""
    try:
        found = json.loads(line)
        texts = {str(test): str(status) for test, status in found.get("outcomes", {}).items()}
        failures = {str(test): dict(about) for test, about in found.get("failures", {}).items()}
        uncollected = tuple(map(str, found.get("uncollected", ())))
        return int(found["id"]), Outcome(str(found["ended"]), texts, uncollected, failures, found)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SandboxError(f"The driver of the tests wrote something else than results: {line[:200]!r}") from error
