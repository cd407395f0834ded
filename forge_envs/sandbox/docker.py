"""The Docker backend: one container per sandbox, through the docker SDK (extra `docker`).

The container's first process reads from a connection that this process holds open: when this process ends, however it
ends, the container ends and the engine removes it.
"""

import contextlib
import posixpath
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from forge_envs.core.errors import ConfigError, SandboxError
from forge_envs.sandbox.base import ExecResult, Limits, Sandbox, SandboxSpec, Snapshot, Tier, together
from forge_envs.sandbox.docker_command import command_line
from forge_envs.sandbox.docker_container import MIB, Container, user_of
from forge_envs.sandbox.docker_engine import LABEL, client, failures, owner
from forge_envs.sandbox.docker_files import archive_of, read_file
from forge_envs.sandbox.docker_process import DockerProcess
from forge_envs.sandbox.docker_run import run_in_container


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
        self._held = Container(self._api)
        self._finalizer = weakref.finalize(self, self._held.free)
        self._lock = threading.Lock()
        self._processes: weakref.WeakKeyDictionary[DockerProcess, Limits] = weakref.WeakKeyDictionary()
        try:
            with failures(f"No sandbox from image {spec.image!r}"):
                self._user = user_of(self._api, image or spec.image)
                self._held.start(spec, image or spec.image, self._user)
                if image is None:
                    self._held.copy_mounts(spec, self._user)
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
        wrapped = self._wrapped(command, limits, cwd, merge_output)
        lasting = self._living()
        spared = self._held.supervisor.sparing if lasting else contextlib.nullcontext
        try:
            with self._lock, failures("The Docker daemon or the container failed"), spared():
                self._held.limit(together(limits, *lasting))
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
                    self._held.limit(together(*lasting))
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
        wrapped = self._wrapped([*command], limits, cwd, True)
        with self._lock, failures("The Docker daemon or the container failed"):
            self._held.limit(limits)
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
                    self._held.make_folder(above)
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
            self._held.end()
            self._held.start(self.spec, image, self._user)

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

    def _wrapped(self, command: Sequence[str] | str, limits: Limits, cwd: str | None, merge_output: bool) -> list[str]:
        folder = posixpath.join(self.spec.workdir, cwd or "")
        return command_line(command, limits=limits, folder=folder, merge_output=merge_output, write=self.write)

    def _living(self) -> list[Limits]:
        """The limits of the process that was started, if it has not ended."""
        return [limits for process, limits in self._processes.items() if process.ending() is None]

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
