"""Git diffs between sets of files, written without git."""

import difflib
import re
from collections.abc import Mapping

Files = Mapping[str, bytes | None]
"""Content by path; None: there is no such file."""

_PLAIN = re.compile(r"[\w.+-]+(?:/[\w.+-]+)*", re.ASCII)


def plain_path(path: str) -> bool:
    """Whether a path needs no quotes in a diff, nor in a shell."""
    return bool(_PLAIN.fullmatch(path)) and ".." not in path.split("/")


def files_diff(old: Files, new: Files, *, executable: frozenset[str] = frozenset()) -> str:
    """A git diff with three lines of context, paths in order.

    Args:
        old: Files before.
        new: The same paths after; both are UTF-8.
        executable: Paths whose files have that bit.
    """
    return "".join(
        _one(path, old[path], new[path], "100755" if path in executable else "100644")
        for path in sorted(old)
        if old[path] != new[path]
    )


def _one(path: str, old: bytes | None, new: bytes | None, mode: str) -> str:
    head = f"diff --git a/{path} b/{path}\n"
    if old is None:
        head += f"new file mode {mode}\n"
    elif new is None:
        head += f"deleted file mode {mode}\n"
    names = (f"a/{path}" if old is not None else "/dev/null", f"b/{path}" if new is not None else "/dev/null")
    parts = []
    for line in difflib.unified_diff(_lines(old), _lines(new), *names, lineterm="\n"):
        parts.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return head + "".join(parts)


def _lines(content: bytes | None) -> list[str]:
    """Lines end with a line feed only, as git sees them."""
    return re.findall(r"[^\n]*\n|[^\n]+", (content or b"").decode())
