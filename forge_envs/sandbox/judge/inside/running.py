"""One run: fork, confine, watch its time, collect what it left.

Whatever can be done before the fork is done before it. In the child the first touch of every page copies it.
"""

import math
import os
import resource
import select
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

from forge_envs.sandbox.judge.inside import commands, confine, wire
from forge_envs.sandbox.judge.inside.place import Job, Place
from forge_envs.sandbox.linux import syscalls

_SLACK = 1536 * 2**20
"""Address space that a program may reserve beyond twice its memory, where no control group counts what it touches:
stacks of threads, libraries."""

_BUSY = 0.03
"""The share of a core that tells a program that computes from one that sleeps, where nothing better is known."""

Make = Callable[[dict[str, Any], list[int]], Job]
"""From a request and its descriptors to what the child does."""


def run(sock: wire.Socket, request: dict[str, Any], fds: list[int], make: Make, place: Place) -> None:
    """Fork a run, wait for its end and answer the host."""
    pipes = request.get("pipes", False)
    captured = [os.memfd_create(name, os.MFD_CLOEXEC) for name in ("stdout", "stderr", "report")]
    files = fds[2:] if pipes else fds[1:]
    job = make(request, files)
    confined = _confinement(request, place)
    if request.get("forks"):
        place.fork_first()  # what it leaves ends with it
    else:
        place.fork_run()
    confine.arrange((fds[0], fds[1] if pipes else captured[0], captured[1]), captured[2], files)
    place.page[0] = 0
    if place.memory:
        place.memory.weigh_next()
    started = time.monotonic()
    pid = confine.fork()
    if pid == 0:
        try:
            confined()
        except BaseException as error:
            text = f"{type(error).__name__}: {error}".encode()[:4000]
            place.page[1 : 1 + len(text)] = text
            os._exit(1)
        job()
    if place.memory:
        place.memory.weigh_self()
    confine.release(place.nothing, fds, files)
    killed, status, usage = _watch(sock, pid, request["cpu"], started + request["wall"])
    if killed == "gone":
        _close(captured)
        return
    answer = {
        "status": status,
        "killed": killed,
        "cpu": usage.ru_utime + usage.ru_stime,
        "wall": time.monotonic() - started,
        "rss_kb": usage.ru_maxrss,
        "oom": bool(place.memory and status == signal.SIGKILL and place.memory.killed() and not killed),
    }
    if place.page[0] != 1:
        answer["trouble"] = bytes(place.page[1:4001]).rstrip(b"\0").decode(errors="replace")
    elif status == signal.SIGKILL and not killed and not request.get("forks") and not place.intact():
        answer["trouble"] = "its namespace ended"
    collected = commands.collect(request["box"], request["collect"]) if request.get("collect") else []
    _answer(sock, answer, captured, collected)


def _confinement(request: dict[str, Any], place: Place) -> Callable[[], None]:
    """What the child does to itself before it runs its job."""
    memory, cpu, forks = request["memory"], request["cpu"], bool(request.get("forks"))
    wanted = (
        (resource.RLIMIT_FSIZE, request["file"]),
        # A backstop only: the kernel counts it in ticks, which run ahead of the time used on a crowded machine.
        (resource.RLIMIT_CPU, None if cpu is None else math.ceil(2 * cpu) + 2),
        (resource.RLIMIT_AS, None if memory is None or place.memory else 2 * memory * 2**20 + _SLACK),
        (resource.RLIMIT_NPROC, request["processes"] if place.count_processes else None),
        (resource.RLIMIT_NOFILE, None if forks else confine.DESCRIPTORS),
    )
    limits = [(kind, (value, value)) for kind, value in wanted if value is not None]
    alone = place.alone if not forks else None
    landlock = place.landlock if not request.get("writes") else None
    filter_ = place.process_filter if forks else place.filter
    in_namespace = place.pid_namespace is not None
    page = place.page

    def confined() -> None:
        os.setsid()  # a signal to the own group must not reach the program, its zygote and the worker
        own = None if alone is None else alone(os.getpid())
        if landlock is not None:
            syscalls.syscall("landlock_restrict_self", landlock, 0)
        confine.enter(limits, in_namespace=in_namespace)
        page[0] = 1
        page.close()
        if own is not None:
            own.install()
        if filter_ is not None:
            filter_.install()

    return confined


def _watch(sock: wire.Socket, pid: int, cpu: float | None, deadline: float) -> tuple[str, int, Any]:
    """Wait for the end, or bring it about: why, the wait status, the resource usage."""
    pidfd = os.pidfd_open(pid)
    clock = ~pid << 3 | 2  # CPU clock of a whole process, from linux/posix-timers.h
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    poller.register(sock, select.POLLRDHUP)
    killed, pause = "", cpu if cpu is not None else math.inf
    first_deadline, allowed = deadline, deadline - time.monotonic()
    while True:
        now = time.monotonic()
        events = poller.poll(max(0.0, min(deadline - now, pause)) * 1000 + 0.5)
        if any(fd == pidfd for fd, _ in events):
            break
        if events:  # the host does not wait any more
            killed = "gone"
        elif time.monotonic() >= deadline:
            until = first_deadline + min(_starved(pid, clock, allowed), wire.PATIENCE * allowed)
            if until > time.monotonic() + 0.005:
                deadline = until
            else:
                killed = "wall"
        if cpu is not None and not killed:
            left = cpu - time.clock_gettime(clock)
            killed = "cpu" if left <= 0 else ""
            pause = max(left, 0.001)
        if killed:
            os.kill(pid, signal.SIGKILL)
            break
    _, status, usage = os.wait4(pid, 0)
    os.close(pidfd)
    return killed, status, usage


def _starved(pid: int, clock: int, allowed: float) -> float:
    """Seconds for which a process was ready to run and no core was free for it: not its idleness.

    Tier B shows no /proc. There a process counts as starved as long as it gets a share of a core that sleepers do not
    use, which can only be too kind.
    """
    try:
        longest = 0
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat", "rb") as file:
                longest = max(longest, int(file.read().split()[1]))
        return longest / 1e9
    except OSError:
        used = time.clock_gettime(clock)
        return used / _BUSY if used > _BUSY * allowed else 0.0


def _answer(sock: wire.Socket, answer: dict[str, Any], captured: list[int], collected: list[tuple[str, int]]) -> None:
    """What it wrote goes by descriptor: read here, it would be in the memory of every later run."""
    answer["sizes"] = [os.fstat(fd).st_size for fd in captured]
    answer["artifacts"] = [name for name, _ in collected]
    fds = [*captured, *(fd for _, fd in collected)]
    wire.send(sock, answer, fds=fds)
    _close(fds)


def _close(fds: Sequence[int]) -> None:
    for fd in fds:
        os.close(fd)
