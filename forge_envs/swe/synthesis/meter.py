"""CPU time of workspaces that others open and close."""

import threading
from typing import Any, cast

from forge_envs.sandbox.base import ExecResult, Sandbox
from forge_envs.swe.workspace import AnySite, open_workspace


class Meter:
    """Opens workspaces and adds up what their commands use; from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.cpu_s = 0.0

    def open(self, site: AnySite) -> Sandbox:
        """As `open_workspace`."""
        return cast(Sandbox, _Metered(open_workspace(site), self))

    def add(self, cpu_s: float) -> None:
        """Count CPU seconds."""
        with self._lock:
            self.cpu_s += cpu_s


class _Metered:
    """A sandbox whose `run` is counted; all else is the sandbox's own."""

    def __init__(self, sandbox: Sandbox, meter: Meter):
        self._sandbox, self._meter = sandbox, meter

    def run(self, *arguments: Any, **options: Any) -> ExecResult:
        done = self._sandbox.run(*arguments, **options)
        self._meter.add(done.cpu_s)
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sandbox, name)

    def __enter__(self) -> "_Metered":
        return self

    def __exit__(self, *error: object) -> None:
        self._sandbox.close()
