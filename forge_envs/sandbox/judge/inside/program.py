"""One program in a worker: compiled or loaded once, then forked for each run, until the host closes the channel."""

import gc
import math
import resource
import time
import types
import warnings
from collections.abc import Callable
from typing import Any

from forge_envs.sandbox.judge.inside import commands, confine, running, solution, wire
from forge_envs.sandbox.judge.inside.place import Job, Place

COMPILE_S = 10
"""CPU seconds that compiling Python source may take: an honest megabyte takes one or two."""

PARSER_BYTES = 4 * 2**30
"""Address space of compiling; the parser has bombs of its own."""

_UNSET: Any = object()


def serve(sock: wire.Socket, header: dict[str, Any], fds: list[int], place: Place) -> None:
    """Be a program until the host closes its end."""
    try:
        make = _load(header, fds, place)
    except Exception as error:  # hostile source: whatever the compiler raises is its verdict
        wire.send(sock, {"compile_error" if header["kind"] == "python" else "trouble": solution.explain(error)})
        return
    memory = _UNSET
    if place.memory:
        place.memory.start()
    while (message := wire.receive(sock)) is not None:
        request, _, streams = message
        if place.memory and request["memory"] != memory:
            memory = request["memory"]
            place.memory.limit(None if memory is None else memory * 2**20)
        request["box"] = header.get("box")
        running.run(sock, request, streams, make, place)


def once(sock: wire.Socket, header: dict[str, Any], fds: list[int], place: Place) -> None:
    """A Python program with a single case, without a process for the program: the run reads and compiles for itself."""
    request, (source, *streams) = header["case"], fds
    if place.memory:
        place.memory.start()
        place.memory.limit(None if request["memory"] is None else request["memory"] * 2**20)

    def make(request: dict[str, Any], files: list[int]) -> Job:
        last = confine.EXTRA + len(files) - 1
        return _python(lambda: compiled(commands.take_all(last), header["preamble"]), request, files)

    running.run(sock, request, [*streams, source], make, place)


def _load(header: dict[str, Any], fds: list[int], place: Place) -> running.Make:
    if header["kind"] == "native":
        return lambda request, files: commands.native(header, fds[0], request)
    if header["kind"] == "command":
        commands.make_box(header, fds[0], private=place.pid_namespace is not None)
        return lambda request, files: commands.command(header, request)
    source = commands.take_all(fds[0])
    if place.memory and len(source) > 100_000:
        place.memory.limit(PARSER_BYTES)
    _limit_parser(COMPILE_S, PARSER_BYTES)
    code = compiled(source, header["preamble"])
    _limit_parser(None, None)
    gc.freeze()
    return lambda request, files: _python(lambda: code, request, files)


def compiled(source: bytes, split: int) -> tuple[types.CodeType, ...]:
    """Compile source. The first `split` bytes are the preamble; the rest is decoded as Python decodes a file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = [compile(source[:split], "<preamble>", "exec", dont_inherit=True)] if split else []
        return (*parts, compile(source[split:], solution.NAME, "exec", dont_inherit=True))


def _limit_parser(cpu_s: int | None, address_space: int | None) -> None:
    """Soft limits only, so that they can be taken back. Passing the first ends the process: the zygote reports it."""
    used = time.process_time()
    limits = {resource.RLIMIT_CPU: cpu_s and math.ceil(used + cpu_s), resource.RLIMIT_AS: address_space}
    for kind, value in limits.items():
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (hard if value is None else value, hard))


def _python(code: Callable[[], tuple[types.CodeType, ...]], request: dict[str, Any], files: list[int]) -> Job:
    call = serve_ = ask = None
    if request.get("call"):
        call = (request["call"], confine.EXTRA)
    if request.get("serve"):
        serve_ = (request["serve"], confine.EXTRA, confine.EXTRA + 1)
    if request.get("ask"):
        ask = (confine.EXTRA, confine.EXTRA + 1)
    script = solution.Script(code, call=call, serve=serve_, ask=ask, arguments=commands.arguments(request))
    return solution.prepared(script)
