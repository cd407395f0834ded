"""Reading git's diffs: which paths they touch."""

import re

_HEADER = re.compile(r"^diff --git (.+)$")
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
        hunk = re.match(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@", line)
        if hunk:
            old, new = (int(count) if count is not None else 1 for count in hunk.groups())
        for path in _named(line.rstrip("\r")):
            found[path] = None
    return list(found)


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
