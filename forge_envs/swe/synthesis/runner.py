"""Many variants of a repository in one sandbox, each in a fork of a warmed pytest (`driver.py`, `session.py`)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forge_envs.core.errors import TaskError
from forge_envs.sandbox.base import ExecResult, Limits, Sandbox, Snapshot
from forge_envs.swe.synthesis.patches import Files
from forge_envs.swe.workspace import TESTBED, Site, open_workspace

LOST = 30
"""How many drivers a repository's tests may end."""

UNCLEAN = 3
"""As in `driver.py`."""

_PLACE = "/tmp/.forge"
_OUTPUT = 64 * 2**20
_SHOWN = 4000


@dataclass(frozen=True)
class Run:
    """One session of pytest on one variant.

    Args:
        files: What differs from the repository.
        arguments: Test files.
        tests: Ids of the tests that run; None means all of the files.
        cpu_s: CPU seconds.
        wall_s: On the clock; None: three times that and 20 s.
        stop: End with the first failure.
        detail: How many failures are described.
        cover: Also tell which test runs which lines (True), or how long each takes (either); None: neither.
        warm: Keep the bytecode, for the runs that follow.
    """

    files: Files
    arguments: Sequence[str]
    tests: Sequence[str] | None = None
    cpu_s: float = 60.0
    wall_s: float | None = None
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
        products: Names under which the repository's packages and modules are imported.
    """

    def __init__(self, site: Site, paths: str = "", products: Sequence[str] = ()):
        self._sandbox: Sandbox = open_workspace(site)
        self._paths = paths
        self._products = products
        self.modules: tuple[str, ...] = ()
        self.cpu_s = 0.0
        self.lost = 0
        for name in ("driver.py", "session.py"):
            self._sandbox.write(f"{_PLACE}/{name}", (Path(__file__).parent / name).read_bytes())
        self._base: Snapshot = self._sandbox.snapshot()

    def run(self, runs: Sequence[Run]) -> list[Outcome]:
        """Run a batch. A run that ends the driver, or makes it say something else than results, has ``died``.

        Raises:
            TaskError: That happened `LOST` times; SandboxError: the sandbox failed.
        """
        found: list[Outcome] = []
        while len(found) < len(runs):
            rest = range(len(found), len(runs))
            done = self._drive([_row(number, runs[number]) for number in rest], sum(_wall(runs[n]) for n in rest) + 60)
            whole = done.ended == "exited" and done.exit_code == 0
            for number, line in zip(rest, done.stdout.split(b"\n"), strict=False):
                outcome = _read(line, number)
                if outcome is None:
                    break
                found.append(outcome)
            if whole and len(found) == len(runs) and any(run.warm for run in runs):
                self._base = self._sandbox.snapshot()
            else:
                self._sandbox.restore(self._base)
            if len(found) == len(runs) or (done.exit_code == UNCLEAN and len(found) > rest.start):
                continue
            self.lost += 1
            if self.lost > LOST:
                said = done.stderr.decode(errors="replace").strip()[-500:] or f"ended as {done.ended}"
                raise TaskError(f"The repository's tests have ended the driver {self.lost} times; last it said: {said}")
            found.append(Outcome("died", {}, (), {}))
        return found

    def _drive(self, rows: Sequence[Mapping[str, Any]], wall_s: float) -> ExecResult:
        asked = {"modules": self.modules, "paths": [self._paths] if self._paths else [], "products": self._products}
        done = self._sandbox.run(
            ["python", f"{_PLACE}/driver.py"],
            stdin=json.dumps({**asked, "runs": rows}).encode(),
            limits=Limits(cpu_s=None, wall_s=wall_s, memory_mb=4096, output_bytes=_OUTPUT, processes=512),
            cwd=TESTBED,
            env={"PYTHONDONTWRITEBYTECODE": ""},
        )
        self.cpu_s += done.cpu_s
        return done

    def close(self) -> None:
        """End the sandbox."""
        self._sandbox.close()


def _wall(run: Run) -> float:
    return 20 + 3 * run.cpu_s if run.wall_s is None else run.wall_s


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


def _read(line: bytes, number: int) -> Outcome | None:
    """What the sandbox says of a run, which is not trusted: only its form is. None where it has another form."""
    try:
        found = json.loads(line)
        if found["id"] != number or found["ended"] not in ("exited", "timeout", "died"):
            return None
        texts = {_text(test): _text(status) for test, status in found.get("outcomes", {}).items()}
        failures = {_text(test): _failure(about) for test, about in found.get("failures", {}).items()}
        uncollected = tuple(map(_text, found.get("uncollected", ())))
        return Outcome(found["ended"], texts, uncollected, failures, found)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _failure(about: Mapping[str, Any]) -> dict[str, Any]:
    texts = {name: _text(about[name])[:_SHOWN] for name in ("type", "message", "text") if name in about}
    params = {_text(name): _text(value)[:_SHOWN] for name, value in about.get("params", {}).items()}
    return {**texts, "line": max(0, min(int(about.get("line", 0)), 10**9)), "params": params}


def _text(value: object) -> str:
    """A text that can be written as UTF-8."""
    return str(value).encode(errors="replace").decode()
