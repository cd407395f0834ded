"""What the judge workers take and give: programs, cases, results. Plain picklable data."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from forge_envs.sandbox.base import ExecResult, Isolation

Content = bytes | os.PathLike[str]
"""Bytes, or a path on the host whose content is read when it is needed."""


@dataclass(frozen=True)
class JudgeSpec:
    """Which workers to start. Picklable; starts nothing.

    Args:
        isolation: `auto` takes the best tier of A and B that the machine allows and refuses when there is none;
            `none` (tier C) has to be asked for by name.
        workers: How many; None is one per core that this process may use. A run occupies one worker.
        packages: Third-party packages that Python programs may import, with what they need (`numpy` brings
            `numpy.libs`). Those that are not installed are left out. Nothing else of site-packages is visible.
        toolchains: Host folders, besides the system's own, that programs may see read-only (a JDK, a PyPy).
        attempts: How often a run is tried, each time on a fresh worker, before `SandboxError`.
        start_timeout_s: Seconds that a worker may take to start.
    """

    isolation: Isolation = "auto"
    workers: int | None = None
    packages: tuple[str, ...] = ("numpy",)
    toolchains: tuple[str, ...] = ()
    attempts: int = 3
    start_timeout_s: float = 30.0


@dataclass(frozen=True)
class PythonProgram:
    """Python source. It is compiled once, in a child of a warmed interpreter, and each case runs in a fork of that.

    It sees what `python3 solution.py` would see: a fresh `__main__`, `exit()`, real stdin and stdout, atexit, threads.
    It can't start processes or write files.

    Args:
        code: The source; bytes are decoded as Python does (BOM, coding line).
        preamble: Source that runs first, in the same namespace, with its own line numbers (imports that a
            site puts before every submission).
        numpy: Start from the interpreter that has numpy loaded; `auto` looks for the word in the source.
    """

    code: str | bytes
    preamble: str = ""
    numpy: bool | Literal["auto"] = "auto"


@dataclass(frozen=True)
class NativeProgram:
    """An executable, static or dynamic, run from a sealed file in memory. It can't start processes or write files.

    Args:
        binary: ELF image, or its path on the host.
        argv0: The name it gets.
    """

    binary: Content
    argv0: str = "solution"


@dataclass(frozen=True)
class CommandProgram:
    """A command of the system (node, java, pypy, g++), in a folder of its own that is the current one, `/box`.

    Args:
        argv: Command; the first element is an absolute path, or a name looked up in the sandbox's PATH.
        files: What the folder holds at the start; names may have folders in them.
        writable: The folder can be written to; what one case writes there, the next one sees.
        processes: Allow it to start processes (a compiler driver); all are gone when the command ends.
        env: Added to a minimal environment.
        collect: Files of the folder to give back as `RunResult.artifacts` (regular files only).
    """

    argv: tuple[str, ...]
    files: Mapping[str, Content] = field(default_factory=dict)
    writable: bool = False
    processes: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    collect: tuple[str, ...] = ()


Program = PythonProgram | NativeProgram | CommandProgram


@dataclass(frozen=True)
class Case:
    """One run of a program.

    Args:
        stdin: What it reads; a fresh file for each run.
        args: Arguments after the program's own. An argument `{name}` becomes the path of that one of `files`.
        files: Read-only files for this run (a checker's input, output and answer), reached through `args` only.
    """

    stdin: Content = b""
    args: tuple[str, ...] = ()
    files: Mapping[str, Content] = field(default_factory=dict)


@dataclass(frozen=True)
class RunResult(ExecResult):
    """What one run did, and what a verdict needs to know besides.

    `ended` is the judge's view of limits: `cpu_limit` also when the program ended by itself after its CPU time;
    `memory_limit` also when an allocation failed and that ended the program; `output_limit` when it wrote more than
    it may, whatever it did then.

    Args:
        stdout_bytes: How much it wrote, before cutting at the limit (which it can't pass by more than one byte).
        stderr_bytes: Likewise.
        exception: Name of the exception type that ended a Python program, by its own account.
        returned: Function mode: the value as JSON text (see `values`), or None if it did not return.
        rejected: Function mode: why the value that it returned is not one of the types that count.
        compile_error: The program does not compile; there is one such result, whatever the number of cases.
        artifacts: The files asked for with `CommandProgram.collect`, as far as they exist.
        attempts: On how many workers it was tried.
    """

    stdout_bytes: int = 0
    stderr_bytes: int = 0
    exception: str | None = None
    returned: str | None = None
    rejected: str | None = None
    compile_error: str | None = None
    artifacts: Mapping[str, bytes] = field(default_factory=dict)
    attempts: int = 1

    @property
    def idle_s(self) -> float:
        """Seconds on the clock that it spent without CPU: sleeping, waiting, or starved."""
        return max(0.0, self.wall_s - self.cpu_s)
