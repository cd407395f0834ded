"""The file editor of the native tools. It works on bytes and from outside: in the sandbox it needs a shell only."""

import posixpath
from collections.abc import Sequence

from forge_envs.core.errors import SandboxError, ToolError
from forge_envs.sandbox.base import Limits, Sandbox

MOST_BYTES = 16 * 2**20
"""Of a file that is edited."""

SHOWN_CHARS = 16_000
"""Of a view, in whole lines."""

_AROUND = 4  # lines shown before and after an edit
_QUOTED = 1_000  # characters of the model's own text that an error repeats

# What is at a path, followed through links: its kind, whether it may be written, its mode and its real path.
_LOOK = """
if [ -d "$1" ]; then echo folder
elif [ -f "$1" ] && [ -r "$1" ]; then
    if [ -w "$1" ]; then echo file; else echo locked; fi
    stat -L -c %a -- "$1" && readlink -f -- "$1"
elif [ -e "$1" ]; then echo other
elif [ -L "$1" ]; then echo dangling
else
    above=$1
    while [ ! -e "$above" ]; do above=$(dirname -- "$above"); done
    if [ -d "$above" ] && [ -w "$above" ]; then echo none; else echo nowhere; fi
fi
"""
_LIST = "cd -- \"$1\" && find . -maxdepth 2 ! -path '*/.*' | sort | head -n 1001"


def view(sandbox: Sandbox, path: str, lines: Sequence[int] | None = None) -> str:
    """A file with line numbers, or what is in a folder.

    Args:
        sandbox: Where the file is.
        path: Absolute.
        lines: First and last line; -1 as the last means the end.

    Raises:
        ToolError: There is nothing that can be shown; the model reads the message.
    """
    if _kind(sandbox, path)[0] == "folder":
        if lines is not None:
            raise ToolError("The `view_range` parameter is not allowed when `path` points to a directory.")
        return _listed(sandbox, path)
    rows = _rows(_text(sandbox, path))
    first, last = 1, len(rows)
    if lines is not None:
        if len(lines) != 2:
            raise ToolError("Invalid `view_range`. It should be a list of two integers.")
        first, last = lines[0], len(rows) if lines[1] == -1 else min(lines[1], len(rows))
        if not 1 <= first <= max(len(rows), 1) or last < first - (not rows):
            raise ToolError(
                f"Invalid `view_range`: {list(lines)}. Its first element is a line of the file, [1, {len(rows)}], and"
                " its second is no smaller than that, or -1."
            )
    return f"Here's the result of running `cat -n` on {path}:\n{_numbered(rows, first, last)}"


def create(sandbox: Sandbox, path: str, text: str) -> str:
    """Make a file, and folders above it.

    Raises:
        ToolError: It is there already, or can't be made.
    """
    kind, _, _ = _kind(sandbox, path, must_exist=False)
    if kind == "nowhere":
        raise ToolError(f"{path} can't be written: permission denied, or what is above it is no folder.")
    if kind != "none":
        raise ToolError(f"File already exists at: {path}. Cannot overwrite files using command `create`.")
    _write(sandbox, path, text.encode(), 0o644)
    return f"File created successfully at: {path}"


def str_replace(sandbox: Sandbox, path: str, old: str, new: str) -> str:
    """Replace a text that occurs exactly once.

    Raises:
        ToolError: It does not, or the file can't be edited.
    """
    _, mode, real = _editable(sandbox, path)
    content = _text(sandbox, path)
    text, line = replaced(content, old, new, path)
    _write(sandbox, real, text, mode)
    ending = new.count("\n")
    return _edited(path, text, line - _AROUND, line + ending + _AROUND)


def insert(sandbox: Sandbox, path: str, after: int, new: str) -> str:
    """Insert lines after a line; 0 is before the first.

    Raises:
        ToolError: There is no such line, or the file can't be edited.
    """
    _, mode, real = _editable(sandbox, path)
    content = _text(sandbox, path)
    text = inserted(content, after, new)
    _write(sandbox, real, text, mode)
    return _edited(path, text, after + 1 - _AROUND, after + max(new.count("\n"), 1) + _AROUND)


def replaced(content: bytes, old: str, new: str, path: str) -> tuple[bytes, int]:
    """`content` with the one occurrence of `old` replaced, and the line in which that begins.

    Where every line ends with CR LF, so do those of `old` and `new`.

    Raises:
        ToolError: It occurs never, or more than once (occurrences may overlap).
    """
    if not old:
        raise ToolError("No replacement was performed, old_str is empty.")
    if old == new:
        raise ToolError("No replacement was performed, old_str and new_str are the same.")
    wanted, put = (_with_endings(part, content) for part in (old, new))
    lines: list[int] = []
    first = at = content.find(wanted)
    while at >= 0 and len(lines) < 100:
        lines.append(1 + content.count(b"\n", 0, at))
        at = content.find(wanted, at + 1)
    shown = old if len(old) <= _QUOTED else old[:_QUOTED] + "…"
    if not lines:
        raise ToolError(f"No replacement was performed, old_str `{shown}` did not appear verbatim in {path}.")
    if len(lines) > 1:
        raise ToolError(
            f"No replacement was performed. Multiple occurrences of old_str `{shown}` in lines {lines}. Please ensure"
            " it is unique"
        )
    return content[:first] + put + content[first + len(wanted) :], lines[0]


def inserted(content: bytes, after: int, new: str) -> bytes:
    """`content` with lines inserted after a line.

    Raises:
        ToolError: There is no such line.
    """
    count = len(_rows(content))
    if not 0 <= after <= count:
        raise ToolError(
            f"Invalid `insert_line` parameter: {after}. It should be within the range of lines of the file:"
            f" {[0, count]}"
        )
    at = 0
    for _ in range(after):
        at = content.find(b"\n", at) + 1 or len(content)
    put, newline = _with_endings(new, content), _with_endings("\n", content)
    before = content[:at]
    if before and not before.endswith(b"\n"):
        before += newline
    if not put.endswith(b"\n") and (content[at:] or content.endswith(b"\n")):
        put += newline
    return before + put + content[at:]


def _with_endings(text: str, content: bytes) -> bytes:
    data = text.encode()
    if b"\r\n" in content and content.count(b"\n") == content.count(b"\r\n"):
        return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return data


def _kind(sandbox: Sandbox, path: str, *, must_exist: bool = True) -> tuple[str, int, str]:
    """What is there, its mode and its real path."""
    if not posixpath.isabs(path) or "\0" in path:
        maybe = posixpath.join(sandbox.spec.workdir, path)
        raise ToolError(f"The path {path} is not an absolute path, it should start with `/`. Maybe you meant {maybe}?")
    # Without dots, as the sandbox's own read and write take it: they resolve `..` before links.
    look = ["/bin/sh", "-c", _LOOK, "sh", posixpath.normpath(path)]
    done = sandbox.run(look, limits=Limits(cpu_s=10, wall_s=10))
    kind, *rest = done.stdout.decode(errors="surrogateescape").split("\n") or [""]
    if kind in ("none", "nowhere") and must_exist:
        raise ToolError(f"The path {path} does not exist. Please provide a valid path.")
    if kind in ("other", "dangling"):
        what = "a link to nothing" if kind == "dangling" else "a device, or can't be read"
        raise ToolError(f"The path {path} is no file and no folder: it is {what}.")
    if kind in ("file", "locked"):
        if len(rest) < 2 or not rest[0] or set(rest[0]) - set("01234567"):
            raise ToolError(f"{path} can't be read: {done.stderr.decode(errors='replace')[:300]}")
        return kind, int(rest[0][-4:], 8), "\n".join(rest[1:-1])
    if kind not in ("folder", "none", "nowhere"):
        raise ToolError(f"{path} can't be read.")
    return kind, 0, path


def _editable(sandbox: Sandbox, path: str) -> tuple[str, int, str]:
    kind, mode, real = _kind(sandbox, path)
    if kind == "folder":
        raise ToolError(f"The path {path} is a directory and only the `view` command can be used on directories")
    if kind == "locked":
        raise ToolError(f"{path} can't be written: permission denied, or it is read-only.")
    return kind, mode, real


def _text(sandbox: Sandbox, path: str) -> bytes:
    try:
        content = sandbox.read(path, limit=MOST_BYTES + 1)
    except OSError as error:
        raise ToolError(f"{path} can't be read: {error.strerror or error}") from error
    if len(content) > MOST_BYTES:
        raise ToolError(f"{path} is larger than {MOST_BYTES} bytes: use bash.")
    if b"\0" in content:
        raise ToolError(f"{path} is a binary file: it can't be shown or edited as text.")
    return content


def _write(sandbox: Sandbox, path: str, content: bytes, mode: int) -> None:
    if len(content) > MOST_BYTES:
        raise ToolError(f"{path} would be larger than {MOST_BYTES} bytes.")
    try:
        sandbox.write(path, content, mode=mode)
    except (OSError, SandboxError) as error:
        if isinstance(error, SandboxError) and not sandbox.alive():
            raise
        raise ToolError(f"{path} can't be written: {error}") from error


def _rows(content: bytes) -> list[str]:
    """Lines without their endings; bytes that are no UTF-8 are shown as U+FFFD."""
    rows = content.decode(errors="replace").split("\n")
    if rows[-1] == "":
        rows.pop()
    return [row.removesuffix("\r") for row in rows]


def _numbered(rows: Sequence[str], first: int, last: int) -> str:
    """Lines as ``cat -n`` writes them, as many as fit."""
    shown: list[str] = []
    size = 0
    for number in range(first, last + 1):
        row = rows[number - 1]
        if len(row) > SHOWN_CHARS // 2:
            row = f"{row[: SHOWN_CHARS // 2]}… ({len(row) - SHOWN_CHARS // 2} characters of this line are not shown)"
        size += len(row) + 8
        if size > SHOWN_CHARS and shown:
            shown.append(f"… (lines {number} to {last} of {len(rows)} are not shown; use `view_range`)\n")
            break
        shown.append(f"{number:6}\t{row}\n")
    return "".join(shown)


def _edited(path: str, text: bytes, first: int, last: int) -> str:
    rows = _rows(text)
    return (
        f"The file {path} has been edited. Here's the result of running `cat -n` on a snippet of {path}:\n"
        f"{_numbered(rows, max(first, 1), min(last, len(rows)))}"
        "Review the changes and make sure they are as expected. Edit the file again if necessary."
    )


def _listed(sandbox: Sandbox, path: str) -> str:
    done = sandbox.run(["/bin/sh", "-c", _LIST, "sh", path], limits=Limits(cpu_s=20, wall_s=20))
    rows = done.stdout.decode(errors="replace").rstrip("\n").split("\n")
    listed = "".join(f"{path.rstrip('/')}{row[1:] or '/'}\n" for row in rows[:1000])
    more = "… (there are more)\n" if len(rows) > 1000 else ""
    return f"Here's the files and directories up to 2 levels deep in {path}, excluding hidden items:\n{listed}{more}"
