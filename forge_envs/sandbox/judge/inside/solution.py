"""Runs a Python program in a process that is its own and already confined, as the interpreter would run a script.

`run` ends the process. Results leave through the exit status, the captured streams and the report file; a program that
forges its report gains nothing, because nothing in this process knows what the right answer is.
"""

import _thread
import atexit
import builtins
import ctypes
import gc
import json
import os
import sys
import threading
import types
from collections.abc import Callable, Sequence
from typing import Any

from forge_envs.sandbox.judge.inside.confine import REPORT
from forge_envs.sandbox.judge.inside.exact import BITS, Foreign, from_plain, to_plain

NAME = "solution.py"

LONGEST_REPLY = 4 * 2**20
"""Bytes of a value for an examiner: a program may write without end."""

_flush_all = ctypes.CDLL(None).fflush
_flush_all.argtypes = [ctypes.c_void_p]


class Script:
    """A program and what to do with it.

    Args:
        code: Gives its compiled parts, to run in this order in one namespace.
        call: Function mode: name of the function, descriptor of its arguments as JSON.
        serve: Function whose calls come in as lines on one descriptor and whose values go out on another.
        ask: Descriptors to call a served function by; the program sees it as `candidate`.
        arguments: `sys.argv` after the name.
    """

    def __init__(
        self,
        code: Callable[[], tuple[types.CodeType, ...]],
        *,
        call: tuple[str, int] | None = None,
        serve: tuple[str, int, int] | None = None,
        ask: tuple[int, int] | None = None,
        arguments: Sequence[str] = (),
    ):
        self.code = code
        self.call = call
        self.serve = serve
        self.ask = ask
        self.arguments = arguments


def prepared(script: Script) -> Callable[[], None]:
    """What runs it and ends the process with its exit code, with the namespace in place."""
    # What is called is a library: what stands under a main guard (reading input, own tests, an exit) is not for us.
    main = types.ModuleType("solution" if script.call or script.serve else "__main__")
    main.__dict__.update(__builtins__=builtins, __file__=NAME)
    sys.modules["__main__"] = sys.modules[main.__name__] = main
    sys.argv[:] = [NAME, *script.arguments]

    def run() -> None:
        report: dict[str, Any] = {}
        code = perform(script, main, report)
        _write_report(report)
        _flush_all(None)  # what was printed by way of ctypes
        os._exit(code)

    return run


def perform(script: Script, main: types.ModuleType, report: dict[str, Any]) -> int:
    """Run it in a module as far as its exit code; what it says of itself goes into the report."""
    gc.enable()
    code = 0
    try:
        parts = script.code()
    except Exception as error:  # hostile source: whatever the compiler raises is its verdict
        report["compile_error"] = explain(error)
        return 1
    try:
        if script.ask:
            main.__dict__.update(candidate=_candidate(*script.ask), CandidateError=CandidateError)
        for part in parts:
            exec(part, main.__dict__)
        if script.call:
            function, source = script.call
            with os.fdopen(source, "rb") as file:
                arguments = from_plain(json.loads(file.read()))
            value = _find(main, function)(*arguments)
            report["returned"] = json.dumps(to_plain(value), separators=(",", ":"))
        elif script.serve:
            _serve(main, *script.serve)
    except Foreign as error:
        report["rejected"] = str(error)
    except SystemExit as error:
        report["exception"] = "SystemExit"
        code = _exit_code(error)
    except BaseException as error:
        report["exception"] = type(error).__name__[:100]
        code = 1
        _show(error)
    return _finish(main, code)


def _find(main: types.ModuleType, name: str) -> Callable[..., Any]:
    """A function by name: global, or a method of `Solution`; dots lead into classes, which are instantiated."""
    first, *rest = name.split(".")
    if first in main.__dict__:
        found = main.__dict__[first]
    elif isinstance(main.__dict__.get("Solution"), type):
        found = getattr(main.__dict__["Solution"](), first)
    else:
        raise NameError(f"name {first!r} is not defined")
    for attribute in rest:
        found = getattr(found() if isinstance(found, type) else found, attribute)
    return found


def _serve(main: types.ModuleType, name: str, inlet: int, outlet: int) -> None:
    """Answer calls: a line of arguments in, a line with the value or the exception out."""
    with open(inlet, "rb") as requests, open(outlet, "wb") as replies:
        for line in requests:
            try:
                reply = {"value": to_plain(_find(main, name)(*from_plain(json.loads(line))))}
            except Foreign as error:
                reply = {"error": f"returned {error}"}
            except Exception as error:
                reply = {"error": type(error).__name__[:100]}
            replies.write(json.dumps(reply).encode() + b"\n")
            replies.flush()


class CandidateError(Exception):
    """The function that is examined raised, gave something that does not count, or its program ended."""

    __module__ = "__main__"


def _candidate(inlet: int, outlet: int) -> Callable[..., Any]:
    replies, requests = os.fdopen(inlet, "rb"), os.fdopen(outlet, "wb")

    def candidate(*arguments: Any) -> Any:
        try:
            requests.write(json.dumps(to_plain(list(arguments))).encode() + b"\n")
            requests.flush()
            line = replies.readline(LONGEST_REPLY)
            reply = json.loads(line, parse_int=_integer)
        except (OSError, ValueError, RecursionError):
            raise CandidateError("its program ended") from None
        if "error" in reply:
            raise CandidateError(reply["error"])
        return from_plain(reply["value"])

    return candidate


def _integer(digits: str) -> int:
    """`exact` sends long ones as hexadecimal; reading such a text takes a time that grows with its square."""
    if len(digits) > BITS:
        raise ValueError("a long integer")
    return int(digits)


def _exit_code(error: SystemExit) -> int:
    code: Any = error.code
    if code is None:
        return 0
    if issubclass(type(code), int):  # `isinstance` and `&` can lie
        value = int.__add__(code, 0)
        return value & 0xFF if -(2**63) <= value < 2**63 else 0xFF  # a C long, -1 where it is not one
    try:
        print(code, file=sys.stderr)
    except BaseException:
        return 1
    return 1


def _show(error: BaseException) -> None:
    """What the interpreter prints for an exception that nobody caught, without the frames above the program."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    error.__traceback__ = trace
    try:
        sys.excepthook(type(error), error, trace)
    except BaseException:
        sys.__excepthook__(type(error), error, trace)


def _finish(main: types.ModuleType, code: int) -> int:
    """The end of an interpreter: threads, atexit, streams, globals (which flushes files that were left open)."""
    if _thread._count():
        try:
            threading._shutdown()  # type: ignore[attr-defined]
        except BaseException as error:
            _show(error)
    atexit._run_exitfuncs()
    flushed = _flush()
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__  # as the interpreter does before it clears modules
    for early in (True, False):
        for name in list(main.__dict__):
            if name != "__builtins__" and name.startswith("_") is early:
                main.__dict__[name] = None
    gc.collect()
    return code if _flush() and flushed else code or 120


def _flush() -> bool:
    done = True
    for name in ("stdout", "stderr"):
        try:
            stream = getattr(sys, name, None)
            if stream is not None and not stream.closed:
                stream.flush()
        except BaseException:
            done = name != "stdout" and done
    return done


def _write_report(report: dict[str, Any]) -> None:
    if report:
        try:
            os.pwrite(REPORT, json.dumps(report).encode(), 0)
        except OSError:  # the program closed it: no report, which says enough
            os._exit(1)


def explain(error: Exception) -> str:
    """What the interpreter would print for source that it can't compile."""
    if isinstance(error, SyntaxError):
        import traceback

        return "".join(traceback.format_exception_only(error))[:20_000]
    return f"{type(error).__name__}: {error}"[:20_000]
