"""Reading git's diffs: which paths they touch, and what undoes them."""

import re

_HEADER = re.compile(r"^diff --git (.+)$")
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_PAIRS = (("--- ", "+++ "), ("rename from ", "rename to "), ("old mode ", "new mode "))
_ESCAPE = re.compile(rb'\\([0-7]{3}|[abfnrtv"\\])')
_LETTERS = {b"a": 7, b"b": 8, b"t": 9, b"n": 10, b"v": 11, b"f": 12, b"r": 13, b'"': 34, b"\\": 92}


def touched_paths(diff: str) -> list[str]:
    """Every path that a git diff changes, adds, deletes or renames, in order and once.

    Headers inside a hunk's text are text: hunks are skipped by the counts in their ``@@`` lines.

    Args:
        diff: As `git diff` writes it, with the prefixes ``a/`` and ``b/`` or with none but a ``---`` line.
    """
    found: dict[str, None] = {}
    old = new = 0
    for line in diff.split("\n"):
        if old > 0 or new > 0:
            old -= line[:1] in (" ", "-", "")
            new -= line[:1] in (" ", "+", "")
            continue
        hunk = _HUNK.match(line)
        if hunk:
            old, new = (int(count) if count is not None else 1 for count in hunk.group(2, 4))
        for path in _named(line.rstrip("\r")):
            found[path] = None
    return list(found)


def reversed_diff(diff: str) -> str:
    """The diff that undoes a git diff of text files.

    Args:
        diff: As `git diff` writes it.

    Raises:
        ValueError: It changes binary files, or copies files.
    """
    made: list[str] = []
    held: dict[str, str] = {}
    sides: dict[str, list[str]] = {"-": [], "+": []}  # of one change; what is removed comes first
    side = made
    old = new = 0

    def flush() -> None:
        for sign in "-+":
            made.extend(sides[sign])
            sides[sign] = []

    for line in diff.split("\n"):
        if line[:1] == "\\":  # no newline at the end of the line above
            side.append(line)
            continue
        if old > 0 or new > 0:
            old -= line[:1] in (" ", "-", "")
            new -= line[:1] in (" ", "+", "")
            sign = {"-": "+", "+": "-"}.get(line[:1])
            if sign is None:
                flush()
                side = made
                side.append(line)
            else:
                side = sides[sign]
                side.append(sign + line[1:])
            continue
        flush()
        side = made
        hunk = _HUNK.match(line)
        if hunk:
            old, new = (int(count) if count is not None else 1 for count in hunk.group(2, 4))
            before, after = (
                f"{start}{'' if count is None else f',{count}'}"
                for start, count in (hunk.group(1, 2), hunk.group(3, 4))
            )
            made.append(f"@@ -{after} +{before} @@{line[hunk.end() :]}")
        elif line.startswith(("GIT binary patch", "Binary files ", "copy ")):
            raise ValueError("only diffs of text files can be undone.")
        else:
            made += _reversed_header(line, held)
    flush()
    return "\n".join(made)


def _reversed_header(line: str, held: dict[str, str]) -> list[str]:
    """Lines above the hunks: of a pair of lines, the first is held until the second is there."""
    for first, second in _PAIRS:
        if line.startswith(first):
            held[first] = line.removeprefix(first)
            return []
        if line.startswith(second) and first in held:
            return [f"{first}{_other(line.removeprefix(second), first)}", f"{second}{_other(held.pop(first), second)}"]
    for one, other in (("new file mode ", "deleted file mode "), ("deleted file mode ", "new file mode ")):
        if line.startswith(one):
            return [other + line.removeprefix(one)]
    index = re.match(r"index ([0-9a-f]+)\.\.([0-9a-f]+)(.*)$", line)
    if index:
        return [f"index {index[2]}..{index[1]}{index[3]}"]
    if line.startswith("diff --git ") and (paths := _git_paths(line)):
        return [f"diff --git {_other(paths[1], '--- ')} {_other(paths[0], '+++ ')}"]
    return [line]


def _git_paths(line: str) -> tuple[str, str] | None:
    """Both paths of a ``diff --git`` line; None where they are the same, so that nothing changes."""
    both = line.removeprefix("diff --git ")
    quoted = re.match(r'("(?:[^"\\]|\\.)*"|a/.*?) ("b/(?:[^"\\]|\\.)*"|b/.*)$', both)
    if quoted is None or quoted[1].replace("a/", "b/", 1) == quoted[2]:
        return None
    return quoted[1], quoted[2]


def _other(path: str, start: str) -> str:
    """A path under the prefix of the side that the line's start names."""
    side = {"--- ": "a/", "+++ ": "b/"}.get(start)
    if side is None or path.startswith("/dev/null"):
        return path
    return re.sub(r'^("?)[ab]/', rf"\g<1>{side}", path)


def _named(line: str) -> list[str]:
    for start in ("--- ", "+++ "):
        if line.startswith(start):
            path = _unquoted(line[len(start) :].split("\t")[0])
            return [] if path == "/dev/null" else [_without_prefix(path)]
    for start in ("rename from ", "rename to ", "copy to "):
        if line.startswith(start):
            return [_unquoted(line[len(start) :])]
    header = _HEADER.match(line)
    if header:  # the only line that names an empty or a binary file
        both = header[1]
        if both.startswith('"') and (split := re.match(r'("(?:[^"\\]|\\.)*") (.+)$', both)):
            return [_without_prefix(_unquoted(part)) for part in split.groups()]
        middle = len(both) // 2
        if both[:2] == "a/" and both[middle : middle + 3] == " b/" and both[2:middle] == both[middle + 3 :]:
            return [both[2:middle]]
    return []


def _without_prefix(path: str) -> str:
    return path[2:] if path[:2] in ("a/", "b/") else path


def _unquoted(path: str) -> str:
    """Git's form of a path in quotes, with octal escapes of its bytes, as the path."""
    if not (len(path) > 1 and path[0] == path[-1] == '"'):
        return path

    def one(match: re.Match[bytes]) -> bytes:
        return bytes([_LETTERS[match[1]] if match[1] in _LETTERS else int(match[1], 8) % 256])

    return _ESCAPE.sub(one, path[1:-1].encode(errors="surrogateescape")).decode(errors="surrogateescape")
