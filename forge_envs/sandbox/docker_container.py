"""A sandbox's container: how it is made, what it is given before the first command, its limits, and its end."""

import contextlib
import os
import posixpath
import tempfile
import time
from dataclasses import dataclass, field
from typing import Any

from forge_envs.core.errors import ConfigError
from forge_envs.sandbox.base import Limits, SandboxSpec
from forge_envs.sandbox.docker_engine import LABEL, exists, owner, remove_unless_gone, seccomp_profile
from forge_envs.sandbox.docker_files import archive_folder, archive_of, read_file
from forge_envs.sandbox.docker_supervisor import MOST_PROCESSES, SHELL, Supervisor, script, update

MIB = 2**20
SHARED_MEMORY_MB = 64
REMOVAL_S = 20.0


@dataclass
class Container:
    """What the engine holds for a sandbox; the sandbox's finalizer frees it.

    Args:
        api: The SDK's low-level client.
        container: Its id, while there is one.
        supervisor: The connection to its first process.
        images: Of snapshots.
        settings: The limits that were set last.
    """

    api: Any
    container: str = ""
    supervisor: Any = None
    images: set[str] = field(default_factory=set)
    settings: dict[str, int] = field(default_factory=dict)

    def start(self, spec: SandboxSpec, image: str, user: int) -> None:
        """Make a container and start it, with the supervisor as its first process."""
        host = self.api.create_host_config(
            network_mode=None if spec.network else "none",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges", f"seccomp={seccomp_profile(spec.profile)}"],
            pids_limit=MOST_PROCESSES,
            shm_size=SHARED_MEMORY_MB * MIB,
            binds=[f"{m.source}:{m.target}:ro" for m in spec.mounts if m.mode == "read"],
            auto_remove=True,
            log_config={"Type": "none", "Config": {}},
        )
        self.container = self.api.create_container(
            image,
            ["-c", script(can_fork=spec.profile != "judge")],
            entrypoint=[SHELL],
            stdin_open=True,
            host_config=host,
            working_dir=spec.workdir,
            labels={LABEL: owner()},
            hostname="sandbox",
        )["Id"]
        shell = read_file(self.api, self.container, "/bin/sh", 64 * MIB)
        self.api.put_archive(self.container, "/", archive_of(SHELL[1:], shell, 0o111, user))
        self.supervisor = Supervisor(self.api, self.container)
        self.api.start(self.container)
        self.settings = {}
        self.make_folder(spec.workdir)

    def copy_mounts(self, spec: SandboxSpec, user: int) -> None:
        """Copy what is to be writable; it belongs to the sandbox's user."""
        for mount in spec.mounts:
            if mount.mode != "copy":
                continue
            if not os.path.exists(mount.source):
                raise ConfigError(f"Mount source {mount.source!r} does not exist.")
            above, name = posixpath.split(posixpath.normpath(mount.target))
            self.make_folder(above)
            with tempfile.TemporaryFile() as archive:
                archive_folder(mount.source, name, user, archive)
                archive.seek(0)
                self.api.put_archive(self.container, above, archive)

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it.

        Raises:
            OSError: Something is in the way.
        """
        made = self.api.exec_create(self.container, ["mkdir", "-p", path])["Id"]
        message = self.api.exec_start(made)
        if self.api.exec_inspect(made)["ExitCode"]:
            raise OSError(20, f"can't be made: {message.decode(errors='replace').strip()}", path)

    def limit(self, limits: Limits) -> None:
        """Set limits where they differ from those of the run before."""
        wanted = {"PidsLimit": limits.processes + 1}
        if limits.memory_mb is not None:
            wanted |= {"Memory": limits.memory_mb * MIB, "MemorySwap": limits.memory_mb * MIB}
        elif "Memory" in self.settings:  # the engine knows no way back to "none"
            wanted |= {"Memory": 2**50, "MemorySwap": 2**50}
        if wanted != self.settings or self.supervisor.loosened:
            update(self.api, self.container, wanted)
            self.settings, self.supervisor.loosened = wanted, False

    def end(self) -> None:
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
        """End the container and remove the images of snapshots."""
        import docker
        import requests

        gone = (docker.errors.DockerException, requests.exceptions.RequestException, OSError)
        with contextlib.suppress(*gone):  # a lost daemon has nothing to free
            self.end()
        for image in list(self.images):
            with contextlib.suppress(*gone):
                self.api.remove_image(image, force=True)
        self.images.clear()


def user_of(api: Any, image: str) -> int:
    """The number of the user that an image runs as.

    Raises:
        ConfigError: It has a name only.
    """
    user = api.inspect_image(image)["Config"].get("User", "").partition(":")[0]
    if user and not user.isdigit():
        raise ConfigError(f"Image {image!r} runs as {user!r}: Forge needs its number, or root.")
    return int(user or 0)
