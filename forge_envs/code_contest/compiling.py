"""From source to something that runs: compiled in the sandbox with limits of its own, once per content."""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from forge_envs.code_contest.cache import key_of, load, locked, store
from forge_envs.code_contest.java import java_class
from forge_envs.code_contest.languages import Language, find_language, find_tool
from forge_envs.core.cache_folder import default_folder
from forge_envs.sandbox.base import Limits
from forge_envs.sandbox.judge import CommandProgram, NativeProgram, Program, PythonProgram, RunResult, WorkerPool

SHOWN = 8000
"""Characters of a compiler's output that are kept."""

COMPILE_MEMORY_MB = 2048
COMPILE_FILE_MB = 64
HEADERS_KEPT = 6
"""Precompiled headers, about 100 MB each: one for each compiler and standard in use."""


@dataclass(frozen=True)
class Compiled:
    """What compiling gave.

    Args:
        program: Ready to run; None when it does not compile.
        output: What the compiler said, bounded.
        extra_mb: Memory of the language's runtime, which does not count against the submission.
    """

    program: Program | None
    output: str = ""
    extra_mb: int = 0


def compile_program(
    language: str, code: str, *, pool: WorkerPool, memory_limit_mb: int = 1024, cache_folder: Path | None = None
) -> Compiled:
    """Make a program out of source. Python is compiled by the worker that runs it.

    Args:
        language: A key of `languages.LANGUAGES`.
        code: The source.
        pool: Where compilers run.
        memory_limit_mb: Of the runs; runtimes with a heap of their own are told.
        cache_folder: Where binaries and precompiled headers are kept; see `forge_envs.core.cache_folder`.

    Raises:
        ConfigError: No such language, or its toolchain is not installed.
        SandboxError: The sandbox failed.
    """
    found = find_language(language)
    if not found.tool:
        return Compiled(PythonProgram(code))
    name = found.source_name(code)
    tool = find_tool(found.tool) or found.tool
    fields = {
        "tool": tool,
        "bin": os.path.dirname(tool),
        "name": name,
        "class": java_class(code) if name.endswith(".java") else "",
        "memory": str(memory_limit_mb),
    }
    source = code.encode(errors="surrogatepass")
    made = _make(found, fields, source, pool=pool, folder=cache_folder or default_folder())
    if isinstance(made, str):
        return Compiled(None, made)
    if not found.run:
        return Compiled(NativeProgram(made))
    files = {found.artifact: made} if found.artifact else {name: source}
    return Compiled(CommandProgram(_fill(found.run, fields), files=files), extra_mb=found.extra_mb)


def python_complaint(program: Program, pool: WorkerPool) -> str | None:
    """What Python says against a program that does not compile, without running it; None for any other program."""
    if not isinstance(program, PythonProgram):
        return None
    unrun = replace(program, preamble="raise SystemExit")
    return pool.run(unrun, [b""], limits=Limits(cpu_s=10.0))[0].compile_error


def _make(language: Language, fields: dict[str, str], source: bytes, *, pool: WorkerPool, folder: Path) -> bytes | str:
    """The artifact (empty where there is none), or what the compiler said against the source."""
    commands = [_fill(command, fields) for command in language.compile]
    content = hashlib.sha256(source).hexdigest()
    key = key_of(fields["name"], content, _identity(fields["tool"]), *(word for line in commands for word in line))
    kept = load(folder, key)
    if kept is not None:
        return kept
    said = ""
    for command in commands:
        flags = header_flags(command, folder) if language.header and b"bits/stdc++.h" in source else ()
        result = _run_compiler((command[0], *flags, *command[1:]), language, fields["name"], source, pool)
        artifact = result.artifacts.get(language.artifact) if language.artifact else b""
        if result.ended == "exited" and result.exit_code == 0 and artifact is not None:
            with contextlib.suppress(OSError):  # a full disk costs time, not verdicts
                store(folder, key, artifact)
            return artifact
        said = said or _complaint(result)  # the newest standard's words are the ones to read
        # What cost so much would cost it again with each older standard.
        if result.ended != "exited" or result.cpu_s > language.cpu_s / 3:
            break
    return said


def _run_compiler(
    command: tuple[str, ...], language: Language, name: str, source: bytes, pool: WorkerPool
) -> RunResult:
    program = CommandProgram(
        command,
        files={name: source},
        writable=True,
        processes=True,
        env={"CGO_ENABLED": "0"},  # Go: no C compiler, a static binary
        collect=(language.artifact,) if language.artifact else (),
    )
    limits = Limits(
        cpu_s=language.cpu_s,
        wall_s=20 * language.cpu_s,
        memory_mb=COMPILE_MEMORY_MB,
        output_bytes=2**20,
        file_mb=COMPILE_FILE_MB,
    )
    return pool.run(program, [b""], limits=limits)[0]


def _complaint(result: RunResult) -> str:
    limits = {
        "cpu_limit": "The compiler used too much CPU time.",
        "wall_limit": "The compiler took too long.",
        "memory_limit": "The compiler used too much memory.",
        "output_limit": "The compiler wrote too much.",
    }
    text = (result.stderr + result.stdout).decode(errors="replace").strip()
    shown = text if len(text) <= SHOWN else text[:SHOWN] + "\n[cut]"
    return "\n".join(part for part in (limits.get(result.ended), shown) if part) or "The compiler failed."


def header_flags(command: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    """`-I` with the folder of the precompiled ``bits/stdc++.h`` for these options; it is made when it is missing.

    The header is the compiler's own, so it is compiled outside the sandbox; one process makes it, the others wait.
    Where it can't be made there are no flags: programs compile without it, slower.
    """
    options = tuple(word for word in command[1:] if word.startswith(("-std", "-O", "-D", "-w")))
    place = headers_folder(folder) / key_of(_identity(command[0]), *options)[:32]
    made = place / "bits" / "stdc++.h.gch"
    if not made.exists():
        with contextlib.suppress(OSError, subprocess.SubprocessError), locked(headers_folder(folder)):
            if not made.exists():
                _precompile(command[0], options, made)
                _keep_newest(headers_folder(folder), HEADERS_KEPT)
    return ("-I", str(place)) if made.exists() else ()


def headers_folder(folder: Path) -> Path:
    """Where precompiled headers are: the only part of the cache that a sandbox sees, read-only."""
    return folder / "headers"


def _precompile(tool: str, options: tuple[str, ...], made: Path) -> None:
    made.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=made.parent) as scratch:
        header = Path(scratch) / "all.h"
        header.write_text("#include <bits/stdc++.h>\n")
        real = re.search(r"\S+/bits/stdc\+\+\.h", _gcc([tool, *options, "-M", str(header)]))
        if real is None:
            raise FileNotFoundError(f"{tool} has no bits/stdc++.h")
        output = Path(scratch) / "stdc++.h.gch"
        _gcc([tool, *options, "-x", "c++-header", real[0], "-o", str(output)])
        os.replace(output, made)


def _gcc(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600, check=True)
    return done.stdout


def _keep_newest(folder: Path, count: int) -> None:
    places = sorted((path for path in folder.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for path in places[:-count]:
        shutil.rmtree(path, ignore_errors=True)


@cache
def _identity(tool: str) -> str:
    """Changes when the tool is replaced."""
    status = os.stat(tool)
    return f"{os.path.realpath(tool)} {status.st_size} {status.st_mtime_ns}"


def _fill(command: tuple[str, ...], fields: dict[str, str]) -> tuple[str, ...]:
    return tuple(re.sub(r"\{(\w+)\}", lambda match: fields[match[1]], word) for word in command)
