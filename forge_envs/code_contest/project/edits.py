"""Edits of a project's files: whole files, or search and replace blocks as in the Aider benchmark."""

import re
from collections.abc import Mapping, Sequence

from forge_envs.code_contest.answers import Block, code_blocks
from forge_envs.core.errors import ActionError

SEARCH, DIVIDER, REPLACE = "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE"
_DECORATION = re.compile(r"^[\s#*`>-]+|[\s*`:]+$")


def apply_edits(text: str, files: Mapping[str, str], editable: Sequence[str]) -> dict[str, str]:
    """Read every edit of a reply and apply them in order.

    A code block is an edit of the file that the line above it (or its fence) names; where the project has only one
    file to edit, no name is needed. A block with search and replace parts changes those, any other one is the whole
    file.

    Args:
        text: The assistant's message.
        files: The project's files as they are.
        editable: The paths that may be changed.

    Returns:
        Path to new text, of the files that were edited.

    Raises:
        ActionError: No edit, a file that may not be changed, or a search part that does not occur exactly once; the
            model reads the message.
    """
    edited: dict[str, str] = {}
    for block in code_blocks(text):
        path = _path(block, editable)
        if path is None:
            continue
        current = edited.get(path, files.get(path, ""))
        edited[path] = _replaced(block.body, current, path) if SEARCH in block.body else block.body
    if not edited:
        raise ActionError(
            f"there is no edit in your reply: write the name of a file ({', '.join(editable)}) on a line of its own, "
            "and its text in a code block below it"
        )
    return edited


def check_files(given: Mapping[str, object], editable: Sequence[str]) -> dict[str, str]:
    """The files of a tool call, if they may be changed.

    Raises:
        ActionError: Another file, or no file.
    """
    if not given:
        raise ActionError(f"no file was handed in; the files to edit are {', '.join(editable)}")
    for path, text in given.items():
        if path not in editable or not isinstance(text, str):
            raise ActionError(f"{str(path)[:120]!r} can't be changed; the files to edit are {', '.join(editable)}")
    return {path: str(text) for path, text in given.items()}


def _path(block: Block, editable: Sequence[str]) -> str | None:
    """The file that a block edits; None for a block that is no edit (an example, a command)."""
    named = [_DECORATION.sub("", block.before), *block.info.split()[-1:]]
    for name in named:
        for path in editable:
            if name == path or name.endswith(f" {path}") or name == path.rsplit("/", 1)[-1]:
                return path
    if any(re.fullmatch(r"[\w./-]+\.\w{1,5}", name) and name not in editable for name in named[:1]):
        raise ActionError(f"{named[0][:120]!r} can't be changed; the files to edit are {', '.join(editable)}")
    alone = len(editable) == 1 and block.language not in ("text", "bash", "sh", "console", "output")
    return editable[0] if alone else None


def _replaced(body: str, current: str, path: str) -> str:
    """Carry out the search and replace parts of one block, in order."""
    state = "outside"
    search: list[str] = []
    replace: list[str] = []
    for line in body.split("\n"):
        marker = line.rstrip()
        if marker == SEARCH and state == "outside":
            state, search, replace = "search", [], []
        elif marker == DIVIDER and state == "search":
            state = "replace"
        elif marker == REPLACE and state == "replace":
            current = _once(current, "".join(search), "".join(replace), path)
            state = "outside"
        elif state == "search":
            search.append(f"{line}\n")
        elif state == "replace":
            replace.append(f"{line}\n")
    if state != "outside":
        raise ActionError(f"a search and replace block for {path} is not closed: end it with {REPLACE}")
    return current


def _once(current: str, search: str, replace: str, path: str) -> str:
    if not search.strip():
        if current.strip():
            raise ActionError(f"the search part for {path} is empty, which only fits a file that is empty")
        return replace
    whole = current if current.endswith("\n") or not current else f"{current}\n"
    # Only at the start of a line, so that a line's end is never mistaken for a line.
    found = [at for at in _positions(whole, search) if at == 0 or whole[at - 1] == "\n"]
    if len(found) != 1:
        count = "does not occur" if not found else f"occurs {len(found)} times"
        raise ActionError(f"a search part {count} in {path}; it has to be lines of the file that occur exactly once")
    return whole[: found[0]] + replace + whole[found[0] + len(search) :]


def _positions(text: str, part: str) -> list[int]:
    positions: list[int] = []
    at = text.find(part)
    while at >= 0 and len(positions) < 100:
        positions.append(at)
        at = text.find(part, at + 1)
    return positions
