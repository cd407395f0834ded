"""The first process of a container: a shell that reports what the container uses and ends everything in it.

It is asked over a connection that this process holds open. When the connection closes, because this process ended in
whatever way, the shell ends, and with it the container. It needs nothing but a POSIX shell. Commands may run as the
same user: it is the container's process 1 and ignores what it could be sent, so no signal from inside ends it, and it
runs from a file that nobody may read, so the kernel lets nobody trace it or write its memory.
"""

import contextlib
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from forge_envs.core.errors import SandboxError
from forge_envs.sandbox.docker_exec import STDOUT, Demux

ANSWER_S = 60.0
MOST_PROCESSES = 4096
SHELL = "/.forge/sh"
"""A copy of the image's shell that can be executed and not read."""

# One line per question: CPU nanoseconds, bytes now and at the peak, kills for memory, processes. `k` first kills
# everything; a subshell makes this shell reap what became its child, where the profile lets it start one. `f` stops
# what there is and leaves it out of count and killing, until `c`.
SCRIPT = """
trap '' HUP INT QUIT ALRM TERM USR1 USR2 PIPE
d=/sys/fs/cgroup
state() {
  c=0 m=0 p=0 o=0 n=1
  if [ -r $d/cpu.stat ] && [ -r $d/memory.current ]; then
    while read -r k x; do [ "$k" = usage_usec ] && c=${x}000; done <$d/cpu.stat
    while read -r k x; do [ "$k" = oom_kill ] && o=$x; done <$d/memory.events
    read -r m <$d/memory.current; read -r p <$d/memory.peak; read -r n <$d/pids.current
  else
    while read -r k x; do [ "$k" = oom_kill ] && o=$x; done <$d/memory/memory.oom_control
    read -r c <$d/cpuacct/cpuacct.usage; read -r m <$d/memory/memory.usage_in_bytes
    read -r p <$d/memory/memory.max_usage_in_bytes; read -r n <$d/pids/pids.current
  fi
  [ -z "$kept" ] || count :
} 2>/dev/null
count() {
  n=1
  for x in /proc/[0-9]*; do
    x=${x#/proc/}
    case "$kept" in *" $x "*) ;; *) n=$((n+1)); "$@" "$x" ;; esac
  done
}
end() {
  if [ -z "$kept" ]; then kill -9 -1; else count kill -9; fi
} 2>/dev/null
kept=
while read -r question; do
  case "$question" in
    f) kill -STOP -1 2>/dev/null; for x in /proc/[0-9]*; do kept="$kept ${x#/proc/} "; done ;;
    c) kept=; kill -CONT -1 2>/dev/null ;;
  esac
  state
  if [ "$question" = k ]; then
    i=0
    while end; REAP state; [ "$n" -gt 1 ] && [ $i -lt 10000 ]; do i=$((i+1)); done
  fi
  echo "$c $m ${p:-0} $o $n"
done
"""


def script(*, can_fork: bool) -> str:
    """The shell's program."""
    return SCRIPT.replace("REAP", "(:);" if can_fork else "")


@dataclass(frozen=True)
class Usage:
    """What the container used since it started: CPU seconds, bytes now and at the peak; its processes but the first."""

    cpu_s: float
    memory: int
    peak: int
    oom_kills: int
    processes: int


def update(api: Any, container: str, settings: dict[str, int]) -> None:
    """Change limits of a running container; the SDK's own call does not know all of them."""
    api._raise_for_status(api._post_json(api._url("/containers/{0}/update", container), data=settings))


class Hijacked:
    """A connection that the engine turned into a byte stream. What came with the answer's header is in `early`."""

    def __init__(
        self, api: Any, path: str, name: str, params: dict[str, int] | None = None, data: dict[str, Any] | None = None
    ):
        headers = {"Connection": "Upgrade", "Upgrade": "tcp"}
        url = api._url(path, name)
        if data is None:
            self._response = api.post(url, None, params=params, stream=True, headers=headers)
        else:
            self._response = api._post_json(url, data=data, headers=headers, stream=True)
        api._raise_for_status(self._response)
        buffered = self._response.raw._fp.fp
        self.sock: socket.socket = getattr(buffered.raw, "_sock", buffered.raw)
        self.sock.setblocking(False)
        self.early = bytes(buffered.peek() or b"")

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._response.close()
        self.sock.close()


class Supervisor:
    """The connection to the shell.

    Args:
        api: The SDK's low-level client.
        container: A container that was made and not started yet.

    `loosened` says that `end_all` has changed the limit on processes.
    """

    def __init__(self, api: Any, container: str):
        self._api, self._container = api, container
        self.loosened = False
        self._connection = Hijacked(api, "/containers/{0}/attach", container, {"stream": 1, "stdin": 1, "stdout": 1})
        self._demux = Demux(most=2**62)
        self._demux.feed(self._connection.early)

    def usage(self) -> Usage:
        """Ask what was used."""
        return self._ask(b"s\n")

    def end_all(self) -> Usage:
        """Kill and reap everything in the container but its first process, which needs room for a process to do it."""
        update(self._api, self._container, {"PidsLimit": MOST_PROCESSES})
        self.loosened = True
        return self._ask(b"k\n")

    @contextlib.contextmanager
    def sparing(self) -> Iterator[None]:
        """While it lasts, what runs now is stopped, and neither counted nor ended."""
        self._ask(b"f\n")
        try:
            yield
        finally:
            self._ask(b"c\n")

    def close(self) -> None:
        """Let go of the leash."""
        self._connection.close()

    def _ask(self, question: bytes) -> Usage:
        sock = self._connection.sock
        until = time.monotonic() + ANSWER_S
        answer = self._demux.streams[STDOUT]
        try:
            sock.settimeout(ANSWER_S)
            sock.sendall(question)
            while not answer.endswith(b"\n"):
                sock.settimeout(max(until - time.monotonic(), 0.001))
                data = sock.recv(4096)
                if not data:
                    raise SandboxError("The container is gone.")
                self._demux.feed(data)
        except OSError as error:
            raise SandboxError(f"The container does not answer: {error}") from error
        try:
            cpu, memory, peak, kills, processes = (int(word) for word in answer.split())
        except ValueError as error:
            raise SandboxError(f"The container answers nonsense: {bytes(answer[:200])!r}") from error
        finally:
            answer.clear()
        return Usage(cpu / 1e9, memory, peak, kills, processes - 1)
