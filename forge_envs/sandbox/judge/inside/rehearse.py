"""Runs what every run will run, in the zygote, before the first fork.

A function that ran often enough is specialised, its lookups are cached, its memory is in place: whatever is not so
yet, each forked child would do for itself, on copies of its pages.
"""

import io
import os
import sys
import types

from forge_envs.sandbox.judge.inside import program, solution, wire
from forge_envs.sandbox.judge.inside.place import Place

TIMES = 10
"""CPython 3.11 specialises code after eight calls."""

_SOURCE = b"""
import sys
def solve(values):
    best = {}
    for at, value in enumerate(values):
        best[value] = max(best.get(value, 0), at)
    return [best[key] for key in sorted(best)]
n = int(input())
rows = [list(map(int, line.split())) for line in sys.stdin]
print(n, *solve(rows[0]), sep=" ")
print("\\n".join(str(sum(row)) for row in rows))
sys.stdout.write(f"{n:.3f}\\n")
"""
_STDIN = b"3\n1 2 3\n4 5 6\n"
_REQUEST = {"cpu": 1, "wall": 10, "memory": None, "file": 1 << 20, "processes": 100, "args": (), "files": ()}


def alone() -> None:
    """Run a program in this process, as far as its exit."""
    before = sys.stdin, sys.stdout, sys.stderr, sys.argv[:], sys.modules["__main__"]
    for _ in range(TIMES):
        sys.stdin = io.TextIOWrapper(io.BytesIO(_STDIN))
        sys.stdout = io.TextIOWrapper(io.BytesIO())
        script = solution.Script(lambda: program.compiled(_SOURCE, 0))
        if solution.perform(script, types.ModuleType("__main__"), {}) != 0:
            raise OSError("the rehearsal failed")
    sys.stdin, sys.stdout, sys.stderr, sys.argv[:], sys.modules["__main__"] = before


def forked(place: Place) -> None:
    """Run it as the host would have it run, confined.

    Raises:
        OSError: A run could not be confined, or did not do what it should.
    """
    for _ in range(TIMES):
        ours, theirs = wire.pair()
        header = {"case": _REQUEST, "preamble": 0}
        program.once(theirs, header, [_file(_SOURCE), _file(_STDIN)], place)
        answer = wire.receive(ours)
        if answer is None or answer[0]["status"] != 0 or os.pread(answer[2][0], 100, 0) != b"3 0 1 2\n6\n15\n3.000\n":
            raise OSError(f"the rehearsal failed: {answer}")
        for fd in answer[2]:
            os.close(fd)
        ours.close()
        theirs.close()


def _file(content: bytes) -> int:
    fd = os.memfd_create("rehearsal", os.MFD_CLOEXEC)
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
