"""Which isolation this machine allows, found once per process, when a sandbox is first wanted."""

import functools
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from forge_envs.core.errors import SandboxError
from forge_envs.sandbox.base import Isolation, Tier

INTERPRETER = (sys.executable, "-I", "-S", "-E")
"""A bare Python: no site packages, no environment variables."""

_PACKAGES = {"forge_envs": Path(__file__).parents[1], "forge_envs.sandbox": Path(__file__).parent}

BOOT = "".join(
    [
        "import sys, types\n",
        *(
            f"m = sys.modules[{name!r}] = types.ModuleType({name!r}); m.__path__ = [{str(path)!r}]\n"
            for name, path in _PACKAGES.items()
        ),
    ]
)
"""Code that lets it import `forge_envs.sandbox.linux` and `.keeper` without what `forge_envs` itself needs."""


@dataclass(frozen=True)
class Machine:
    """What `linux/probe.py` found. Empty texts mean yes, others say why not.

    Args:
        namespaces: User, mount, pid, net, ipc and uts namespaces.
        seccomp: Filters of system calls.
        proc: A /proc of the own.
        overlay: Copy-on-write layers in memory; files are copied otherwise.
        landlock: ABI version; 0 is none.
    """

    namespaces: str
    seccomp: str
    proc: str
    overlay: str
    landlock: int


@functools.cache
def machine() -> Machine:
    """Try what this machine allows (30 ms, once per process).

    Raises:
        SandboxError: Not Linux, or the trial itself failed.
    """
    if sys.platform != "linux":
        raise SandboxError("The local sandbox needs Linux. Use backend='docker' on other systems.")
    code = BOOT + "from forge_envs.sandbox.linux import probe; probe.main()"
    try:
        done = subprocess.run([*INTERPRETER, "-c", code], capture_output=True, timeout=30, cwd="/", env={})
        return Machine(**json.loads(done.stdout))
    except (OSError, ValueError, TypeError, subprocess.TimeoutExpired) as error:
        detail = done.stderr.decode(errors="replace")[-500:] if "done" in locals() else ""
        raise SandboxError(f"This machine could not be probed for sandboxes: {error}. {detail}") from error


def choose_tier(isolation: Isolation) -> Tier:
    """The tier that a wish for isolation gets here.

    Raises:
        SandboxError: The machine refuses; the message says what it refused and what can be done.
    """
    if isolation == "none":
        return "C"
    facts = machine()
    if facts.seccomp:
        raise SandboxError(
            f"No isolation here: seccomp filters are refused ({facts.seccomp}). Use another machine, backend='docker', "
            "or isolation='none' for code that you trust."
        )
    if isolation in ("auto", "namespaces") and not facts.namespaces:
        return "A"
    if isolation in ("auto", "landlock") and facts.landlock:
        return "B"
    refused = []
    if isolation in ("auto", "namespaces"):
        refused.append(f"namespaces ({facts.namespaces})")
    if isolation in ("auto", "landlock"):
        refused.append("Landlock (needs Linux 5.13 with it enabled)")
    raise SandboxError(
        f"This machine refuses {' and '.join(refused)}. Allow unprivileged user namespaces, use backend='docker', or "
        "ask for isolation='none' (no isolation) for code that you trust."
    )
