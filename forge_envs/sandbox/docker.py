"""The Docker backend: one container per sandbox, through the docker SDK (extra `docker`).

The container's first process reads from a connection that this process holds open: when this process ends, however it
ends, the container ends and the engine removes it.
"""

import contextlib
import math
import os
import posixpath
import tempfile
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forge_envs.core.errors import ConfigError, SandboxError
from forge_envs.sandbox.base import ExecResult, Limits, Sandbox, SandboxSpec, Snapshot, Tier, together
from forge_envs.sandbox.docker_engine import LABEL, client, exists, failures, owner, remove_unless_gone, seccomp_profile
from forge_envs.sandbox.docker_files import archive_folder, archive_of, read_file
from forge_envs.sandbox.docker_process import DockerProcess
from forge_envs.sandbox.docker_run import run_in_container
from forge_envs.sandbox.docker_supervisor import MOST_PROCESSES, SHELL, Supervisor, script, update

MIB = 2**20
SHARED_MEMORY_MB = 64
REMOVAL_S = 20.0

_RUN = 'cd "$1" || exit 126; ulimit -c 0; ulimit -f "$2"; [ "$3" = - ] || ulimit -t "$3"; shift 4; '
_SCRIPT = 'if command -v bash >/dev/null; then exec bash "$@"; else exec sh "$@"; fi'
_MAX_ARGUMENT = 100_000


@dataclass
class _Held:
    """What the engine holds for a sandbox; the finalizer frees it."""

    api: Any
    container: str = ""
    supervisor: Any = None
    images: set[str] = field(default_factory=set)

    def end_container(self) -> None:
        """Remove the container, and wait until the engine has, which removes it by itself when the leash is let go."""
        if self.container:
            remove_unless_gone(self.api.remove_container, self.container, force=True, v=True)
        if self.supervisor is not None:
            self.supervisor.close()
        until = time.monotonic() + REMOVAL_S
        while self.container and exists(self.api, self.container) and time.monotonic() < until:
            time.sleep(0.02)
        self.container, self.supervisor = "", None

    def free(self) -> None:
        import docker
        import requests

        gone = (docker.errors.DockerException, requests.exceptions.RequestException, OSError)
        with contextlib.suppress(*gone):  # a lost daemon has nothing to free
            self.end_container()
        for image in list(self.images):
            with contextlib.suppress(*gone):
                self.api.remove_image(image, force=True)
        self.images.clear()


@dataclass
class DockerSnapshot:
    """An image with a `DockerSandbox`'s files at one moment."""

    image: str
    sandbox: "weakref.ReferenceType[DockerSandbox]" = field(repr=False)

    def discard(self) -> None:
        """Remove the image, unless a sandbox still runs from it. Twice is fine."""
        sandbox = self.sandbox()
        if sandbox is not None:
            sandbox._discard(self.image)


class DockerSandbox:
    """See `Sandbox`.

    Args:
        spec: What to start; `image` is needed.
        image: The image to start from, for a fork.
    """

    def __init__(self, spec: SandboxSpec, *, image: str | None = None):
        if not spec.image:
            raise ConfigError("backend='docker' needs image=..., the name of an image with a shell.")
        if spec.isolation not in ("auto", "namespaces"):
            raise ConfigError(
                f"isolation={spec.isolation!r} is for backend='local'; a container always has namespaces."
            )
        self.spec = spec
        self._api = client()
        self._held = _Held(self._api)
        self._finalizer = weakref.finalize(self, self._held.free)
        self._lock = threading.Lock()
        self._settings: dict[str, int] = {}
        self._processes: weakref.WeakKeyDictionary[DockerProcess, Limits] = weakref.WeakKeyDictionary()
        try:
            with failures(f"No sandbox from image {spec.image!r}"):
                self._user = self._user_of(image or spec.image)
                self._start(image or spec.image)
                if image is None:
                    self._copy_mounts()
        except BaseException:
            self._finalizer()
            raise

    @property
    def tier(self) -> Tier:
        return "A"

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
        argv, shell = self._command(command)
        wrapped = self._wrapped(argv, shell + (" 2>&1" if merge_output else ""), limits, cwd)
        lasting = self._living()
        spared = self._held.supervisor.sparing if lasting else contextlib.nullcontext
        try:
            with self._lock, failures("The Docker daemon or the container failed"), spared():
                self._limit(together(limits, *lasting))
                done = run_in_container(
                    self._api,
                    self._held.container,
                    self._held.supervisor,
                    wrapped,
                    stdin=stdin,
                    limits=limits,
                    env={**self.spec.env, **(env or {})},
                )
                if lasting:
                    self._limit(together(*lasting))
                return done
        except BaseException:  # the command may still be running
            self.close()
            raise

    def start(
        self,
        command: Sequence[str],
        *,
        limits: Limits = Limits(),  # noqa: B008 (frozen)
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> DockerProcess:
        self._alive()
        if self._living() or self.spec.profile != "workspace":
            raise ConfigError("A container has one process that was started and goes on, and only as a workspace.")
        argv, shell = self._command([*command])
        wrapped = self._wrapped(argv, shell + " 2>&1", limits, cwd)
        with self._lock, failures("The Docker daemon or the container failed"):
            self._limit(limits)
            variables = {**self.spec.env, **(env or {})}
            process = DockerProcess(self._api, self._held.container, self._held.supervisor, wrapped, variables)
        self._processes[process] = limits
        return process

    def write(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        import docker
        import requests

        self._alive()
        path = self._inside(path)
        above, name = posixpath.split(path)
        archive = archive_of(name, content, mode, self._user)
        with self._lock:
            try:
                try:
                    self._api.put_archive(self._held.container, above, archive)
                except docker.errors.NotFound:
                    self._make_folder(above)
                    self._api.put_archive(self._held.container, above, archive)
            except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
                if self.alive():  # then the path is at fault, and a program may have made it so
                    raise OSError(22, f"can't be written: {error}", path) from error
                raise SandboxError(f"The Docker daemon or the container failed: {error}") from error

    def read(self, path: str, *, limit: int = 16 * MIB) -> bytes:
        import docker
        import requests

        self._alive()
        with self._lock:
            try:
                return read_file(self._api, self._held.container, self._inside(path), limit)
            except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
                raise SandboxError(f"The Docker daemon or the container failed: {error}") from error

    def snapshot(self) -> Snapshot:
        if self.spec.profile != "workspace":
            raise ConfigError("Snapshots need profile='workspace'.")
        self._alive()
        with self._lock, failures("The container could not be committed"):
            image = self._api.commit(self._held.container, changes=[f'LABEL {LABEL}="{owner()}"'])["Id"]
        self._held.images.add(image)
        return DockerSnapshot(image, weakref.ref(self))

    def restore(self, snapshot: Snapshot) -> None:
        self._alive()
        image = self._image_of(snapshot)
        with self._lock, failures("The container could not be replaced"):
            self._held.end_container()
            self._start(image)

    def fork(self, snapshot: Snapshot | None = None) -> Sandbox:
        at = self.snapshot() if snapshot is None else snapshot
        forked = DockerSandbox(self.spec, image=self._image_of(at))
        if snapshot is None:  # the fork runs from it, so it frees it
            image = self._image_of(at)
            self._held.images.discard(image)
            forked._held.images.add(image)
        return forked

    def alive(self) -> bool:
        if not self._finalizer.alive:
            return False
        try:
            with failures("lost"):
                return bool(self._api.inspect_container(self._held.container)["State"]["Running"])
        except SandboxError:
            return False

    def close(self) -> None:
        self._finalizer()

    def __enter__(self) -> "DockerSandbox":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _alive(self) -> None:
        if not self._finalizer.alive:
            raise SandboxError("This sandbox is closed.")

    def _user_of(self, image: str) -> int:
        user = self._api.inspect_image(image)["Config"].get("User", "").partition(":")[0]
        if user and not user.isdigit():
            raise ConfigError(f"Image {image!r} runs as {user!r}: Forge needs its number, or root.")
        return int(user or 0)

    def _start(self, image: str) -> None:
        judged = self.spec.profile == "judge"
        host = self._api.create_host_config(
            network_mode=None if self.spec.network else "none",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges", f"seccomp={seccomp_profile(self.spec.profile)}"],
            pids_limit=MOST_PROCESSES,
            shm_size=SHARED_MEMORY_MB * MIB,
            binds=[f"{m.source}:{m.target}:ro" for m in self.spec.mounts if m.mode == "read"],
            auto_remove=True,
            log_config={"Type": "none", "Config": {}},
        )
        self._held.container = self._api.create_container(
            image,
            ["-c", script(can_fork=not judged)],
            entrypoint=[SHELL],
            stdin_open=True,
            host_config=host,
            working_dir=self.spec.workdir,
            labels={LABEL: owner()},
            hostname="sandbox",
        )["Id"]
        shell = read_file(self._api, self._held.container, "/bin/sh", 64 * MIB)
        self._api.put_archive(self._held.container, "/", archive_of(SHELL[1:], shell, 0o111, self._user))
        self._held.supervisor = Supervisor(self._api, self._held.container)
        self._api.start(self._held.container)
        self._settings = {}
        self._make_folder(self.spec.workdir)

    def _copy_mounts(self) -> None:
        for mount in self.spec.mounts:
            if mount.mode != "copy":
                continue
            if not os.path.exists(mount.source):
                raise ConfigError(f"Mount source {mount.source!r} does not exist.")
            above, name = posixpath.split(posixpath.normpath(mount.target))
            self._make_folder(above)
            with tempfile.TemporaryFile() as archive:
                archive_folder(mount.source, name, self._user, archive)
                archive.seek(0)
                self._api.put_archive(self._held.container, above, archive)

    def _make_folder(self, path: str) -> None:
        code, message = self._call(["mkdir", "-p", path])
        if code:
            raise OSError(20, f"can't be made: {message.decode(errors='replace').strip()}", path)

    def _call(self, argv: list[str]) -> tuple[int, bytes]:
        """A short helper command of ours."""
        made = self._api.exec_create(self._held.container, argv)["Id"]
        output = self._api.exec_start(made)
        return self._api.exec_inspect(made)["ExitCode"], output

    def _command(self, command: Sequence[str] | str) -> tuple[list[str], str]:
        """Arguments, and the shell text that executes them."""
        if isinstance(command, str):
            if "\0" in command:
                raise ConfigError("A script may not contain a zero byte.")
            if len(command.encode()) <= _MAX_ARGUMENT:
                return ["-c", command], _SCRIPT
            name = f"/tmp/.forge-script-{time.monotonic_ns()}"
            self.write(name, command.encode())
            return [name], _SCRIPT
        argv = list(command)
        if not argv or any("\0" in part for part in argv):
            raise ConfigError("A command needs a program, and no argument may contain a zero byte.")
        return argv, 'exec "$@"'

    def _wrapped(self, argv: list[str], text: str, limits: Limits, cwd: str | None) -> list[str]:
        folder = posixpath.join(self.spec.workdir, cwd or "")
        cpu = "-" if limits.cpu_s is None else str(math.ceil(limits.cpu_s) + 1)
        return ["/bin/sh", "-c", _RUN + text, "sh", folder, str(limits.file_mb * 2048), cpu, "-", *argv]

    def _living(self) -> list[Limits]:
        """The limits of the process that was started, if it has not ended."""
        return [limits for process, limits in self._processes.items() if process.ending() is None]

    def _limit(self, limits: Limits) -> None:
        """Set the container's limits where they differ from those of the run before."""
        wanted = {"PidsLimit": limits.processes + 1}
        if limits.memory_mb is not None:
            wanted |= {"Memory": limits.memory_mb * MIB, "MemorySwap": limits.memory_mb * MIB}
        elif "Memory" in self._settings:  # the engine knows no way back to "none"
            wanted |= {"Memory": 2**50, "MemorySwap": 2**50}
        if wanted != self._settings or self._held.supervisor.loosened:
            update(self._api, self._held.container, wanted)
            self._settings, self._held.supervisor.loosened = wanted, False

    def _inside(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self.spec.workdir, path))

    def _image_of(self, snapshot: Snapshot) -> str:
        if (
            not isinstance(snapshot, DockerSnapshot)
            or snapshot.sandbox() is not self
            or snapshot.image not in self._held.images
        ):
            raise ConfigError("This snapshot belongs to another sandbox, or was discarded.")
        return snapshot.image

    def _discard(self, image: str) -> None:
        import docker

        if image in self._held.images and self._finalizer.alive:
            with contextlib.suppress(docker.errors.APIError):  # in use: freed when the sandbox closes
                self._api.remove_image(image)
                self._held.images.discard(image)
