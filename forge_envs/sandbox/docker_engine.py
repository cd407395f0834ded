"""The Docker engine: one client per process, what failed as `SandboxError`, leftovers of processes that were killed."""

import contextlib
import errno
import json
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from forge_envs.core.errors import SandboxError
from forge_envs.sandbox.base import Profile
from forge_envs.sandbox.linux import owners
from forge_envs.sandbox.linux.seccomp import CLONE_NAMESPACES, CLONE_THREAD
from forge_envs.sandbox.linux.seccomp_tables import NOT_IMPLEMENTED, PRETENDED, REFUSED, REFUSED_TO_JUDGED

LABEL = "forge.owner"
TIMEOUT_S = 120

_lock = threading.Lock()
_clients: dict[int, Any] = {}


def client() -> Any:
    """The docker SDK's low-level client of this process.

    Raises:
        SandboxError: No SDK, or no daemon answers.
    """
    with _lock:
        if os.getpid() not in _clients:
            try:
                import docker
            except ImportError as error:
                raise SandboxError("The docker backend needs the docker SDK: install forge-agents[docker].") from error
            with failures("No Docker daemon answers"):
                settings = {**docker.utils.kwargs_from_env(), "version": "auto", "timeout": TIMEOUT_S}
                found = docker.APIClient(**settings)
                reclaim(found)
            _clients.clear()
            _clients[os.getpid()] = found
        return _clients[os.getpid()]


@contextlib.contextmanager
def failures(what: str) -> Iterator[None]:
    """Turn every failure of the daemon or of the connection to it into `SandboxError`."""
    import docker
    import requests

    try:
        yield
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
        raise SandboxError(f"{what}: {error}") from error


def owner() -> str:
    """A label that names this process once and for all."""
    return f"{socket.gethostname()} {owners.tag()}"


def reclaim(api: Any) -> None:
    for found in api.containers(all=True, filters={"label": LABEL}):
        if _abandoned(found["Labels"][LABEL]):
            remove_unless_gone(api.remove_container, found["Id"], force=True, v=True)
    for found in api.images(filters={"label": LABEL}):
        if _abandoned(found["Labels"][LABEL]):
            remove_unless_gone(api.remove_image, found["Id"], force=True)


def _abandoned(label: str) -> bool:
    host, _, tag = label.rpartition(" ")
    return host == socket.gethostname() and owners.gone(tag)


def remove_unless_gone(remove: Any, *arguments: Any, **options: Any) -> None:
    """Somebody else may be removing it at the same moment."""
    import docker

    try:
        remove(*arguments, **options)
    except docker.errors.NotFound:
        pass
    except docker.errors.APIError as error:
        # An engine that loses the race for an image answers 500.
        if error.status_code != 409 and "unrecognized image ID" not in str(error):
            raise


def exists(api: Any, container: str) -> bool:
    """Whether the engine still knows a container."""
    import docker

    try:
        api.inspect_container(container)
    except docker.errors.NotFound:
        return False
    return True


def seccomp_profile(profile: Profile) -> str:
    """The deny-list of `linux/seccomp.py` in Docker's format."""
    rules = [_refuse(REFUSED, errno.EPERM), _refuse(NOT_IMPLEMENTED, errno.ENOSYS), _refuse(PRETENDED, 0)]
    if profile == "judge":
        rules += [_refuse(("fork", "vfork", *REFUSED_TO_JUDGED), errno.EPERM), _refuse(("socket",), errno.EACCES)]
        rules.append(_refuse(("clone",), errno.EPERM, value=CLONE_THREAD, valueTwo=0, op="SCMP_CMP_MASKED_EQ"))
    else:
        for bit in (1 << n for n in range(32) if CLONE_NAMESPACES >> n & 1):
            rules.append(_refuse(("clone",), errno.EPERM, value=bit, valueTwo=bit, op="SCMP_CMP_MASKED_EQ"))
        allowed = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)
        for family in range(64):
            if family not in allowed:
                rules.append(_refuse(("socket",), errno.EAFNOSUPPORT, value=family, op="SCMP_CMP_EQ"))
    return json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules})


def _refuse(names: Sequence[str], code: int, **first_argument: Any) -> dict[str, Any]:
    rule: dict[str, Any] = {"names": list(names), "action": "SCMP_ACT_ERRNO", "errnoRet": code}
    return {**rule, "args": [{"index": 0, **first_argument}]} if first_argument else rule
