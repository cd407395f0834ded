"""One command: the runner starts it, waits, and leaves nothing of it.

In tier A the runner is the first process of a new pid namespace.
"""

import contextlib
import json
import os
import resource
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

from ..linux import landlock, rootfs, seccomp, syscalls, userns

METER_S = 0.05


@dataclass
class Place:
    """Where commands run.

    Args:
        tier: A, B or C.
        profile: `judge` or `workspace`.
        root: The folder that becomes the root (tier A), or that stands for it.
        proc: A /proc of the own can be mounted.
        user: In tier B, the user that commands run as; None keeps the keeper's.
        readable: In tier B, host paths that may be read.
    """

    tier: str
    profile: str
    root: str
    proc: bool = True
    user: int | None = None
    readable: list[str] = field(default_factory=list)


def start(place: Place, request: dict[str, Any], fds: list[int]) -> int:
    """Fork the runner of a command.

    Args:
        place: Where.
        request: `argv`, `env`, `cwd`, `limits` (name of a RLIMIT_* to value), `meter` (send CPU time and memory),
            `most_memory` (bytes; more ends the command, for a host that doesn't read what is sent).
        fds: stdin, stdout, stderr, status, leash, then the entrances of control groups. The runner reports to
            status in JSON lines; a byte or the end on leash makes it stop.

    Returns:
        The runner's process id.
    """
    namespaces = syscalls.CLONE_NEWPID | syscalls.CLONE_NEWNS | syscalls.CLONE_NEWIPC
    runner = syscalls.fork_into(namespaces) if place.tier == "A" else os.fork()
    if runner == 0:
        _forever(lambda: _supervise(place, request, fds), fds[3])
    return runner


def _forever(body: Callable[[], None], status: int) -> NoReturn:
    """Run the body of a forked process; it never returns into its parent's code."""
    code = 0
    try:
        body()
    except BaseException as error:
        code = 1
        with contextlib.suppress(OSError):
            os.write(status, json.dumps({"error": f"{type(error).__name__}: {error}"}).encode() + b"\n")
    finally:
        os._exit(code)


def _supervise(place: Place, request: dict[str, Any], fds: list[int]) -> None:
    stdin, stdout, stderr, status, leash, *groups = fds
    syscalls.die_with_parent()
    syscalls.set_dumpable(False)
    woken, wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    if place.tier == "A":
        _enter_root(place)
    else:
        syscalls.adopt_orphans()
    command = os.fork()
    if command == 0:
        _forever(lambda: _become(place, request, _arrange(stdin, stdout, stderr, status, groups)), 3)
    for fd in (stdin, stdout, stderr, *groups):
        os.close(fd)
    ended = _wait(command, woken, leash, status if request["meter"] else None, request.get("most_memory"))
    end_all(place)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = {"status": ended, "cpu_s": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss * 1024}
    os.write(status, json.dumps(report).encode() + b"\n")


def _enter_root(place: Place) -> None:
    if place.profile == "judge":
        syscalls.set_mount_attributes(place.root, syscalls.MS_RDONLY)
    if place.proc:
        rootfs.mount_proc(f"{place.root}/proc", processes_only=place.profile == "judge", null="/host/dev/null")
    syscalls.pivot_root(place.root)


def _wait(command: int, woken: int, leash: int, meter: int | None, most_memory: int | None) -> int | None:
    """Reap until the command ends (its wait status), or the leash is pulled or memory runs out (None)."""
    poll = select.poll()
    poll.register(woken, select.POLLIN)
    poll.register(leash, select.POLLIN)
    while True:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == command:
                return status
            if pid == 0:
                break
        events = dict(poll.poll(None if meter is None and most_memory is None else METER_S * 1000))
        if leash in events:
            return None
        if woken in events:
            os.read(woken, 4096)
        if most_memory is not None and _measure()[1] > most_memory:
            return None
        if meter is not None:
            cpu_s, memory = _measure()
            os.write(meter, json.dumps({"cpu_s": cpu_s, "memory": memory}).encode() + b"\n")


def end_all(place: Place) -> None:
    """Kill everything that the command started and reap it, so that its CPU time is counted."""
    while True:
        if place.tier == "A":
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
        else:
            _kill_user(place.user) if place.user is not None else _kill_descendants()
        try:
            while os.waitpid(-1, 0 if place.tier == "A" else os.WNOHANG)[0]:
                pass
            time.sleep(0.001)
        except ChildProcessError:
            return


def _kill_user(user: int) -> None:
    """Everything that runs as a user: by a child that becomes this user, so that nothing else can be hit."""
    child = os.fork()
    if child == 0:
        try:
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child, 0)


def _kill_descendants() -> None:
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in _descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)


def _stats() -> dict[int, list[str]]:
    """The fields of /proc/PID/stat after the name, of every process that this one sees."""
    found = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as file:
                found[int(name)] = file.read().rpartition(")")[2].split()
    return found


def _descendants(top: int) -> list[int]:
    stats = _stats()
    children: dict[int, list[int]] = {}
    for pid, fields in stats.items():
        children.setdefault(int(fields[1]), []).append(pid)
    found, todo = [], [top]
    while todo:
        below = children.get(todo.pop(), [])
        found += [pid for pid in below if stats[pid][0] != "Z"]
        todo += below
    return found


def _measure() -> tuple[float, int]:
    """CPU seconds and bytes of private memory of everything below this process, where there is no control group."""
    stats, me = _stats(), os.getpid()
    ticks = os.sysconf("SC_CLK_TCK")
    times = os.times()
    cpu_s, memory, page = times.children_user + times.children_system, 0, os.sysconf("SC_PAGE_SIZE")
    below = stats.keys() - {me} if me == 1 else _descendants(me)
    for pid in below:
        cpu_s += sum(int(value) for value in stats.get(pid, [])[11:15]) / ticks
        with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/statm") as file:
            _, resident, shared = file.read().split()[:3]
            memory += (int(resident) - int(shared)) * page
    return cpu_s, memory


def _arrange(stdin: int, stdout: int, stderr: int, status: int, groups: list[int]) -> list[int]:
    """Put stdin, stdout, stderr and status at 0 to 3, the groups after them, and close the rest."""
    wanted = [stdin, stdout, stderr, status, *groups]
    free = max(*wanted, len(wanted)) + 1
    for i, fd in enumerate(wanted):
        os.dup2(fd, free + i)
    for i in range(len(wanted)):
        os.dup2(free + i, i, inheritable=i < 3)
    syscalls.close_range(len(wanted))
    return list(range(4, len(wanted)))


def _become(place: Place, request: dict[str, Any], groups: list[int]) -> None:
    """Give up everything and become the command. Descriptor 3 takes errors of the sandbox; an exec closes it."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.setsid()
    os.umask(0o022)
    for fd in groups:
        os.write(fd, b"0")
        os.close(fd)
    if place.tier == "A" and place.proc:
        userns.enter_nested()
    try:
        os.chdir(request["cwd"] if place.tier == "A" else place.root + request["cwd"])
    except OSError as error:
        _fail(126, f"{request['cwd']}: {error.strerror}")
    if place.tier != "C":
        syscalls.no_new_privileges()
    if place.tier == "B":
        landlock.restrict(read=place.readable, write=[place.root, "/dev/null", "/dev/zero", "/dev/full"])
    if place.user is not None:
        os.setgroups([])
        os.setresgid(place.user, place.user, place.user)
        os.setresuid(place.user, place.user, place.user)
    if place.tier != "A":
        syscalls.die_with_parent()
    for name, value in request["limits"].items():
        _lower(getattr(resource, name), value)
    if place.tier != "C":
        syscalls.drop_capabilities()
        profile: Literal["judge", "workspace"] = "judge" if place.profile == "judge" else "workspace"
        seccomp.install(seccomp.program(profile, network=place.tier == "A"))
    argv, top = request["argv"], "" if place.tier == "A" else place.root
    environment = {"HOME": f"{top}/home/forge", "TMPDIR": f"{top}/tmp", **request["env"]}
    try:
        os.execvpe(argv[0], argv, environment)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        _fail(127 if isinstance(error, FileNotFoundError) else 126, f"{argv[0]}: {reason}")


def _lower(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    wanted = value if hard == resource.RLIM_INFINITY or value < hard else hard
    resource.setrlimit(kind, (wanted, wanted))


def _fail(code: int, message: str) -> NoReturn:
    """End as a shell does: 127 for a program that is not there, 126 for one that can't be run."""
    with contextlib.suppress(OSError):
        os.write(2, message.encode(errors="replace") + b"\n")
    os._exit(code)
