"""Commits undone: the product's part of a recent commit is taken back, and its tests, which stay, notice."""

import ast
from collections.abc import Iterable, Iterator, Mapping

from forge_envs.swe.synthesis.baseline import Baseline
from forge_envs.swe.synthesis.candidates import Candidate
from forge_envs.swe.synthesis.history import Commit, without
from forge_envs.swe.synthesis.merge import changed_ranges, lines_of
from forge_envs.swe.synthesis.source import Source, read_source

RECENT = 1000
"""Commits that are looked at, of each repository."""


def reversals(
    commits: Iterable[Commit], files: Mapping[str, bytes], sources: Mapping[str, Source], baseline: Baseline
) -> Iterator[Candidate]:
    """A candidate for each commit that can be undone in today's files, in the order of the commits.

    Args:
        commits: What was done.
        files: The repository's Python files.
        sources: Those of the product.
        baseline: Which tests run which lines.
    """
    for commit in commits:
        undone = without({path: files.get(path) for path in commit.before}, commit)
        if undone is None or not _programs(undone, files):
            continue
        tests: set[str] = set()
        functions: set[str] = set()
        for path, content in undone.items():
            names, lines = _about(sources.get(path), content)
            functions |= {f"{path}::{name}" for name in names}
            tests |= baseline.tests_of(path, frozenset(baseline.lines.get(path, ())) if lines is None else lines)
        if tests:
            yield Candidate("reversal", commit.id, tuple(sorted(functions)), undone, frozenset(tests), {})


def _programs(undone: Mapping[str, bytes | None], files: Mapping[str, bytes]) -> bool:
    """Whether all of it can be read before and after, and something else than comments differs."""
    differs = False
    for path, content in undone.items():
        texts = [text for text in (files.get(path), content) if text is not None]
        read = [source for text in texts if (source := read_source(path, text)) is not None]
        if len(read) < len(texts):
            return False
        differs |= len(read) == 1 or ast.dump(read[0].tree) != ast.dump(read[1].tree)
    return differs


def _about(source: Source | None, content: bytes | None) -> tuple[set[str], frozenset[int] | None]:
    """The functions that differ, an empty name for what is outside of them, and their lines (None: the file's)."""
    if source is None or content is None:
        return {""}, None
    changed: set[int] = set()
    for start, end, _, _ in changed_ranges(lines_of(source.content), lines_of(content)):
        # Where lines are only added, the ones around the place tell where that is.
        changed |= set(range(start + 1, end + 1)) or {start, start + 1}
    names: set[str] = set()
    lines: set[int] = set()
    inside: set[int] = set()
    for name, node in source.functions():
        span = range(min([node.lineno, *(one.lineno for one in node.decorator_list)]), (node.end_lineno or 0) + 1)
        if changed & set(span):
            names.add(name)
            lines |= set(span)
            inside |= changed & set(span)
    return (names, frozenset(lines)) if changed <= inside else (names | {""}, None)
