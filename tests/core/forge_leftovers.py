"""What a test run has left: processes, threads, temporary folders."""

import os
import tempfile
import threading
from pathlib import Path

# The helpers of the standard library end with the process that started them, and so do their folders. Caches of pytest,
# hypothesis and torch are in the run's own folder, which goes with the run.
HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")
HELPER_FOLDERS = ("pytest-of-", "pymp-", ".hypothesis", "torchinductor_")


def left_behind(mark: str, threads: set[threading.Thread]) -> list[str]:
    """Name everything that is there and was not.

    Args:
        mark: ``NAME=value`` in the environment that the processes of the run inherited.
        threads: Those that were there before.
    """
    running = [t for t in threading.enumerate() if t not in threads and not t.daemon]
    folders = [p for p in Path(tempfile.gettempdir()).iterdir() if not p.name.startswith(HELPER_FOLDERS)]
    found = [f"process {line}" for line in _processes(mark)] + [f"thread {t.name}" for t in running]
    return found + [f"temporary {p}" for p in folders]


def _processes(mark: str) -> list[str]:
    """Children of this process, and every process that inherited the mark, however it was detached (Linux only)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            inherited = mark.encode() in (entry / "environ").read_bytes()
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        mine = parent == os.getpid() or (inherited and int(entry.name) != os.getpid())
        if mine and not any(helper in command for helper in HELPERS):
            found.append(f"{entry.name} {command[:120] or '(zombie)'}")
    return found
