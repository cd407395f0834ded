"""Names that say which process something belongs to, so that a later one can remove what a killed one left.

Processes of several pid namespaces can share a machine's control groups, temporary folders and Docker engine, and none
can tell whether an owner in another namespace still runs. So each namespace reclaims its own.
"""

import os
from pathlib import Path


def tag() -> str:
    """Names this process once and for all: process id, start time, pid namespace."""
    return f"{os.getpid()}-{_started(os.getpid())}-{_namespace()}"


def gone(name: str) -> bool:
    """Whether a name that begins with a `tag` belongs to a process of this namespace that no longer runs."""
    pid, begun, namespace = [*name.split("-"), "", ""][:3]
    return pid.isdigit() and namespace == str(_namespace()) and _started(int(pid)) != begun


def _namespace() -> int:
    return os.stat("/proc/self/ns/pid").st_ino


def _started(pid: int) -> str:
    """Start time in ticks; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
