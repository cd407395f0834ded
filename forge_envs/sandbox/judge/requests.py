"""From programs and cases to what a worker is sent: headers, bodies, sealed files."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from forge_envs.core.errors import ConfigError
from forge_envs.sandbox.base import Limits
from forge_envs.sandbox.judge.files import sealed
from forge_envs.sandbox.judge.inside import wire
from forge_envs.sandbox.judge.types import Case, CommandProgram, Content, NativeProgram, Program, PythonProgram

_OWN_PROCESSES = 16
"""Processes of the worker itself, which RLIMIT_NPROC counts with those of a run."""


def zygote_kind(program: Program) -> str:
    """Which warmed interpreter a program starts from."""
    if not isinstance(program, PythonProgram):
        return "bare"
    wanted = program.numpy
    if wanted == "auto":
        wanted = b"numpy" in program.code if isinstance(program.code, bytes) else "numpy" in program.code
    return "numpy" if wanted else "std"


@contextlib.contextmanager
def program_message(program: Program, box: str) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """Header and descriptor that make a zygote start a program; the descriptor is closed at the end.

    Source too goes by descriptor: what a zygote read would be in the memory of every later program.
    """
    fds: list[int] = []
    header: dict[str, Any]
    try:
        if isinstance(program, PythonProgram):
            preamble = program.preamble.encode(errors="surrogatepass")
            code = program.code if isinstance(program.code, bytes) else program.code.encode(errors="surrogatepass")
            header = {"kind": "python", "preamble": len(preamble)}
            fds.append(sealed(preamble + code, "source"))
        elif isinstance(program, NativeProgram):
            header = {"kind": "native", "argv0": program.argv0}
            fds.append(sealed(program.binary, "program", executable=True))
        else:
            content, blob = _pack(program.files)
            header = {
                "kind": "command",
                "argv": program.argv,
                "env": dict(program.env),
                "box": box,
                "writes": program.writable,
                "forks": program.processes,
                "content": content,
            }
            fds.append(sealed(blob, "files"))
            if len(json.dumps(header)) > wire.LONGEST:
                raise ConfigError("CommandProgram: names, arguments and environment are too long together")
        yield header, fds
    finally:
        for fd in fds:
            os.close(fd)


@contextlib.contextmanager
def case_message(
    program: Program, case: Case, limits: Limits, more: Mapping[str, Any], front: Sequence[Content] = ()
) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """Header and descriptors of one run; the descriptors are closed at the end.

    Args:
        program: What runs.
        case: Its input.
        limits: Its limits.
        more: Added to the header.
        front: Contents that come before the files of the case.
    """
    file_size = limits.output_bytes + 1
    header = {
        "cpu": limits.cpu_s,
        "wall": limits.wall_s,
        "memory": limits.memory_mb,
        "file": file_size,
        "processes": limits.processes + _OWN_PROCESSES,
        "args": case.args,
        "files": list(case.files),
        **more,
    }
    if isinstance(program, CommandProgram):
        header["file"] = max(file_size, limits.file_mb * 2**20)
        header["forks"], header["writes"] = program.processes, program.writable
        header["collect"] = program.collect
    if len(json.dumps(header)) > wire.LONGEST:
        raise ConfigError("Case.args are too long; send long data by stdin or files")
    fds: list[int] = []
    try:
        for content in (case.stdin, *front, *case.files.values()):
            fds.append(sealed(content, "input"))
        yield header, fds
    finally:
        for fd in fds:
            os.close(fd)


def _pack(files: Mapping[str, Content]) -> tuple[list[tuple[str, int, int]], bytes]:
    """Names, sizes and modes of files, and their content in one piece."""
    content: list[tuple[str, int, int]] = []
    parts: list[bytes] = []
    for name, data in files.items():
        if os.path.isabs(name) or ".." in name.split("/") or not name:
            raise ConfigError(f"CommandProgram.files: {name!r} is not a relative path inside the folder")
        mode = 0o644
        if not isinstance(data, bytes):
            try:
                with open(data, "rb") as file:
                    data = file.read()
                    mode = 0o755 if os.fstat(file.fileno()).st_mode & 0o100 else 0o644
            except OSError as error:
                raise ConfigError(f"CommandProgram.files: can't read {name}: {error.strerror}") from None
        if data[:4] == b"\x7fELF" or data[:2] == b"#!":
            mode = 0o755
        content.append((name, len(data), mode))
        parts.append(data)
    return content, b"".join(parts)
