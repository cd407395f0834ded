"""A merge of three texts by lines, for undoing an older change in a newer file."""

import difflib
import re
from collections.abc import Sequence


def merged_lines(now: bytes, base: bytes, other: bytes) -> bytes | None:
    """`now` with the change that leads from `base` to `other`.

    As in git, the changes of both sides have to be apart by at least one line of `base` that neither touches.

    Args:
        now: The text to change.
        base: What `now` was made of.
        other: What else was made of it.

    Returns:
        The merged text; None where both sides change the same place.
    """
    old, ours, theirs = (lines_of(text) for text in (base, now, other))
    shifts = changed_ranges(old, ours)
    parts: list[bytes] = []
    done = 0  # lines of `ours` that are in the result
    for start, end, first, last in changed_ranges(old, theirs):
        if any(start <= end_ and start_ <= end for start_, end_, _, _ in shifts):
            return None
        shift = sum((to - from_) - (end_ - start_) for start_, end_, from_, to in shifts if end_ < start)
        parts += [*ours[done : start + shift], *theirs[first:last]]
        done = end + shift
    return b"".join([*parts, *ours[done:]])


def changed_ranges(old: Sequence[bytes], new: Sequence[bytes]) -> list[tuple[int, int, int, int]]:
    """Where two lists of lines differ: from and to in the one, from and to in the other; lines count from 0."""
    # Common ends first: the matcher's time grows with the square of the length.
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    matcher = difflib.SequenceMatcher(None, old[head : len(old) - tail], new[head : len(new) - tail], autojunk=False)
    return [
        (head + i1, head + i2, head + j1, head + j2) for tag, i1, i2, j1, j2 in matcher.get_opcodes() if tag != "equal"
    ]


def lines_of(text: bytes) -> list[bytes]:
    """Its lines, which end with a line feed only, as git sees them."""
    return re.findall(rb"[^\n]*\n|[^\n]+", text)
