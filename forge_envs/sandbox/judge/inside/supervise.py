"""The first process of a worker: starts zygotes for the host, until the host or the process outside goes away."""

import os
import select
import sys
from typing import Any

from forge_envs.sandbox.judge.inside import isolate, wire, zygote
from forge_envs.sandbox.judge.inside.place import Place


def main() -> None:
    """Start, serve, end.

    The process splits in two at once. The half outside prepares what needs the host: control group, filters. The half
    inside stays small, because every run is a fork of a fork of it.
    """
    control = wire.attach(int(sys.argv[1]))
    message = wire.receive(control)
    if message is None:
        return
    config = message[0]
    host = os.pidfd_open(config["host"])
    inner, outer = wire.pair()
    isolate.adopt_orphans()
    child = os.fork()
    if child:
        for sock in (control, inner):
            sock.close()
        from forge_envs.sandbox.judge.inside import outside

        outside.attend(outer, child, config)
        return
    outer.close()
    try:
        place = isolate.enter(config, inner)
    except OSError as error:
        wire.send(control, {"error": f"{error}"})
        return
    if place is None:  # only here to start the first process of a pid namespace
        return
    wire.send(control, {"ready": config["tier"], "memory": place.memory is not None})
    _serve(control, host, inner, config, place)


def _serve(control: wire.Socket, host: int, outside: wire.Socket, config: dict[str, Any], place: Place) -> None:
    """Start zygotes. When this process ends, everything in the worker does."""
    poller = select.poll()
    for fd in (control.fileno(), host, outside.fileno()):
        poller.register(fd, select.POLLIN)
    while True:
        for fd, _ in poller.poll(1000):
            if fd != control.fileno():
                return
            message = wire.receive(control)
            if message is None:
                return
            header, _, (channel,) = message
            if os.fork() == 0:
                for sock in (control, outside):
                    sock.close()
                os.close(host)
                isolate.follow_parent()
                zygote.warm(header["kind"], config["packages_folder"])
                zygote.serve(wire.attach(channel), header["kind"], place)
                os._exit(0)
            os.close(channel)
        _reap()


def _reap() -> None:
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return
