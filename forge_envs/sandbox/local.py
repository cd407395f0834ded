"""The local backend: sandboxes made of this machine's kernel features, held by a keeper process each."""

import contextlib
import itertools
import os
import posixpath
import socket
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forge_envs.core.errors import ConfigError, SandboxError
from forge_envs.sandbox.base import ExecResult, Limits, Sandbox, SandboxSpec, Snapshot, Tier, together
from forge_envs.sandbox.factory import ask, ask_for_fds, open_keeper
from forge_envs.sandbox.linux import rootfs, userns
from forge_envs.sandbox.local_process import LocalProcess, start_process
from forge_envs.sandbox.local_run import ANSWER_S, MIB, Group, alive, execute, kernel_limits
from forge_envs.sandbox.tiers import choose_tier

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
INODES_PER_MIB = 512

_numbers = itertools.count()
MAX_ARGUMENT = 100_000
"""Bytes of a script that goes as an argument; the kernel allows 128 KiB."""


@dataclass
class LocalSnapshot:
    """A moment of a `LocalSandbox`'s files."""

    stacks: list[list[str]]
    name: str
    sandbox: "weakref.ReferenceType[LocalSandbox]" = field(repr=False)

    def discard(self) -> None:
        """Free the layers that nothing else uses. Twice is fine."""
        sandbox = self.sandbox()
        if sandbox is not None:
            sandbox._discard(self)


class LocalSandbox:
    """See `Sandbox`.

    Args:
        spec: What to start.
        stacks: Files of a fork: the layers of each tree.
        uses: Ids of the sandboxes that made those layers.
    """

    def __init__(self, spec: SandboxSpec, *, stacks: list[list[str]] | None = None, uses: Sequence[str] = ()):
        _check(spec)
        self.spec = spec
        self._tier = choose_tier(spec.isolation)
        number = next(_numbers)
        self._uses = [*uses, str(number)]
        self._own_user = self._tier == "B" and os.geteuid() == 0
        mounts = [(os.path.realpath(m.source), posixpath.normpath(m.target), m.mode) for m in spec.mounts]
        readable = [*rootfs.SYSTEM_FOLDERS, *(f"/etc/{name}" for name in rootfs.ETC if "*" not in name)]
        readable += [
            *(f"/dev/{name}" for name in rootfs.DEVICES),
            *(source for source, _, mode in mounts if mode == "read"),
        ]
        request = {
            "id": str(number),
            "profile": spec.profile,
            "mounts": mounts,
            "image": os.path.realpath(spec.image) if spec.image else None,
            "workdir": spec.workdir,
            "readable": readable,
            "user": userns.outside_user(os.getpid(), number) if self._own_user else None,
            "stacks": stacks,
            "uses": list(uses),
            "disk": spec.disk_mb * MIB,
            "inodes": spec.disk_mb * INODES_PER_MIB,
        }
        self._sock = open_keeper(self._tier, request)
        self._lock = threading.Lock()
        self._group = Group(str(number))
        self._finalizer = weakref.finalize(self, _release, self._sock, self._group)
        self._names = itertools.count()
        self._kept: dict[str, list[list[str]]] = {}
        self._shared: set[str] = set()
        self._processes: weakref.WeakKeyDictionary[LocalProcess, Limits] = weakref.WeakKeyDictionary()

    @property
    def tier(self) -> Tier:
        return self._tier

    def run(
        self,
        command: Sequence[str] | str,
        *,
        stdin: bytes = b"",
        limits: Limits = Limits(),  # noqa: B008 (frozen)
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        merge_output: bool = False,
    ) -> ExecResult:
        self._alive()
        argv = [*_shell(command)] if isinstance(command, str) else [*command]
        if not argv or any("\0" in part for part in argv):
            raise ConfigError("A command needs a program, and no argument may contain a zero byte.")
        script = ""
        if isinstance(command, str) and len(argv[-1]) > MAX_ARGUMENT:
            script = f"/tmp/.forge-script-{next(self._names)}"
            self.write(script, command.encode())
            argv[-1] = f'. "$TMPDIR/{posixpath.basename(script)}"'
        lasting = self._living()
        group = self._group.prepare(together(limits, *lasting))
        request = self._request("run", argv, cwd, env) | kernel_limits(
            limits, group, shared_user=self._tier != "A" and not self._own_user
        )
        with self._lock:
            try:
                done = execute(
                    self._sock, request, stdin=stdin, limits=limits, group=group, merge=merge_output, tier=self._tier
                )
            except BaseException:  # the keeper may be in the middle of it
                self.close()
                raise

        if lasting:
            try:
                self._group.prepare(together(*lasting))
            except SandboxError:  # they took what the run had room for, and hold on to it
                for process in list(self._processes):
                    process.close()
        return done

    def start(
        self,
        command: Sequence[str],
        *,
        limits: Limits = Limits(),  # noqa: B008 (frozen)
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> LocalProcess:
        self._alive()
        if self._tier != "A":
            raise ConfigError("A process beside others needs namespaces (tier A), which this machine refuses.")
        with self._lock:
            process = start_process(self._sock, self._request("start", command, cwd, env), limits, self._group)
        self._processes[process] = limits
        return process

    def write(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        fd = self._open({"op": "write", "path": self._inside(path), "mode": mode})
        try:
            with open(fd, "wb", buffering=0) as file:
                view = memoryview(content)
                while view:
                    view = view[file.write(view) :]
        except OSError as error:
            raise SandboxError(f"{path} can't be written in the sandbox: {error.strerror}.") from error

    def read(self, path: str, *, limit: int = 16 * MIB) -> bytes:
        fd = self._open({"op": "read", "path": self._inside(path)})
        with open(fd, "rb", buffering=0) as file:
            parts = []
            while limit > 0 and (part := file.read(min(limit, MIB))):
                parts.append(part)
                limit -= len(part)
        return b"".join(parts)

    def snapshot(self) -> Snapshot:
        if self.spec.profile != "workspace" or self._living():
            raise ConfigError("Snapshots need profile='workspace', and no process that was started and goes on.")
        name = str(next(self._names))
        stacks = self._ask({"op": "snapshot", "name": name})["stacks"]
        self._kept[name] = stacks
        return LocalSnapshot(stacks, name, weakref.ref(self))

    def restore(self, snapshot: Snapshot) -> None:
        for process in list(self._processes):
            process.close()
        self._ask({"op": "restore", "name": self._named(snapshot)})

    def fork(self, snapshot: Snapshot | None = None) -> Sandbox:
        at = self.snapshot() if snapshot is None else snapshot
        try:
            stacks = self._kept[self._named(at)]
            forked = LocalSandbox(self.spec, stacks=stacks, uses=self._uses)
            if self._tier == "A":  # elsewhere the fork has copied them
                self._shared.update(layer for stack in stacks for layer in stack)
            return forked
        finally:
            if snapshot is None:
                at.discard()

    def alive(self) -> bool:
        return self._finalizer.alive and alive(self._sock)

    def close(self) -> None:
        self._finalizer()

    def __enter__(self) -> "LocalSandbox":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _alive(self) -> None:
        if not self._finalizer.alive:
            raise SandboxError("This sandbox is closed.")

    def _living(self) -> list[Limits]:
        """The limits of the processes that were started and have not ended."""
        return [limits for process, limits in self._processes.items() if process.ending() is None]

    def _request(self, op: str, argv: Sequence[str], cwd: str | None, env: Mapping[str, str] | None) -> dict[str, Any]:
        return {
            "op": op,
            "argv": [*argv],
            "env": {"PATH": PATH, "LANG": "C.UTF-8", **self.spec.env, **(env or {})},
            "cwd": posixpath.join(self.spec.workdir, cwd or ""),
        }

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        self._alive()
        with self._lock:
            self._sock.settimeout(ANSWER_S)
            try:
                return ask(self._sock, request)
            except OSError as error:
                raise SandboxError(f"The sandbox failed: {error}.") from error

    def _open(self, request: dict[str, Any]) -> int:
        self._alive()
        with self._lock:
            self._sock.settimeout(ANSWER_S)
            return ask_for_fds(self._sock, request)[1][0]

    def _named(self, snapshot: Snapshot) -> str:
        if not isinstance(snapshot, LocalSnapshot) or snapshot.sandbox() is not self or snapshot.name not in self._kept:
            raise ConfigError("This snapshot belongs to another sandbox, or was discarded.")
        return snapshot.name

    def _discard(self, snapshot: LocalSnapshot) -> None:
        if self._kept.pop(snapshot.name, None) is not None and self._finalizer.alive:
            self._ask({"op": "drop", "name": snapshot.name, "kept": sorted(self._shared)})

    def _inside(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self.spec.workdir, path))


def _check(spec: SandboxSpec) -> None:
    if spec.network:
        raise ConfigError("The local backend has no network beyond loopback: use backend='docker' for network=True.")
    if not posixpath.isabs(spec.workdir):
        raise ConfigError(f"workdir {spec.workdir!r}: give an absolute path.")
    if spec.image and not os.path.isdir(spec.image):
        raise ConfigError(f"image {spec.image!r}: the local backend takes a root folder, or None.")
    for mount in spec.mounts:
        if not os.path.exists(mount.source):
            raise ConfigError(f"Mount source {mount.source!r} does not exist.")
        if not (posixpath.isabs(mount.target) and posixpath.isabs(mount.source)) or mount.target == "/":
            raise ConfigError(f"Mount {mount.source!r} at {mount.target!r}: give absolute paths, not '/'.")


def _shell(script: str) -> list[str]:
    """Bash where there is one: decided inside, because the image may differ from the host."""
    return ["/bin/sh", "-c", 'command -v bash >/dev/null && exec bash -c "$1" bash; eval "$1"', "sh", script]


def _release(sock: socket.socket, group: Group) -> None:
    """End the keeper and wait until it is gone, then remove the control group."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(ANSWER_S)
        while sock.recv(65536):
            pass
    sock.close()
    group.close()
