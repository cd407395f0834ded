"""Which changes are tried, and in which order: functions and operators take turns, a seed decides the rest."""

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from forge_envs.swe.synthesis.baseline import Baseline
from forge_envs.swe.synthesis.mutations import Change, Strategy, changed_content, changes_of
from forge_envs.swe.synthesis.source import Edit, Source

WEIGHTS: dict[Strategy, int] = {"mutation": 5, "rewrite": 3, "removal": 2, "combination": 3, "reversal": 2}
"""How many of each kind are drawn in turn, while there are any."""


@dataclass(frozen=True)
class Candidate:
    """A repository with a bug that has not run yet.

    Args:
        strategy: What made it.
        operator: Which of its ways; of a reversal, the commit.
        functions: ``path::name`` of what is changed.
        files: The changed files, whole; None: there is no such file.
        tests: Those that run the changed lines.
        edits: By file, for combinations.
    """

    strategy: Strategy
    operator: str
    functions: tuple[str, ...]
    files: Mapping[str, bytes | None]
    tests: frozenset[str]
    edits: Mapping[str, tuple[Edit, ...]]

    @property
    def key(self) -> str:
        """The same for the same bug."""
        held = ((path, b"/" if content is None else content) for path, content in sorted(self.files.items()))
        parts = [f"{path}\0".encode() + content for path, content in held]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]


def drawn(sources: Mapping[str, Source], baseline: Baseline, seed: int) -> dict[Strategy, Iterator[Candidate]]:
    """The single changes of a repository by strategy, each in the order in which they are tried."""
    changes: dict[Strategy, list[Change]] = {"mutation": [], "removal": [], "rewrite": []}
    for path, source in sorted(sources.items()):
        covered = frozenset(line for line, tests in baseline.lines.get(path, {}).items() if tests)
        if covered:
            for change in changes_of(source, covered):
                changes[change.strategy].append(change)
    return {
        strategy: _made(_ordered(found, f"{seed}:{strategy}"), sources, baseline) for strategy, found in changes.items()
    }


def combined(pool: Sequence[Candidate], sources: Mapping[str, Source], seed: str) -> Candidate | None:
    """Two or three changes that were found to break something, of different functions; None if there are none."""
    rng = random.Random(seed)
    for _ in range(20):
        count = rng.choice((2, 2, 3))
        if len(pool) < count:
            return None
        chosen = rng.sample(pool, count)
        functions = [name for one in chosen for name in one.functions]
        if len(set(functions)) < len(functions):
            continue
        edits: dict[str, tuple[Edit, ...]] = {}
        for one in chosen:
            for path, made in one.edits.items():
                edits[path] = tuple(sorted((*edits.get(path, ()), *made)))
        files = {path: changed_content(sources[path], made) for path, made in edits.items()}
        ready: dict[str, bytes | None] = {path: content for path, content in files.items() if content is not None}
        if len(ready) == len(files):
            tests = frozenset(test for one in chosen for test in one.tests)
            kind = "one file" if len(files) == 1 else "several files"
            return Candidate("combination", kind, tuple(functions), ready, tests, edits)
    return None


def _made(changes: Sequence[Change], sources: Mapping[str, Source], baseline: Baseline) -> Iterator[Candidate]:
    for change in changes:
        content = changed_content(sources[change.path], change.edits)
        tests = baseline.tests_of(change.path, change.lines)
        if content is not None and tests:
            edits = {change.path: change.edits}
            functions = (f"{change.path}::{change.function}",)
            yield Candidate(change.strategy, change.operator, functions, {change.path: content}, tests, edits)


def _ordered(changes: Sequence[Change], seed: str) -> list[Change]:
    rng = random.Random(seed)
    grouped: dict[tuple[str, str], dict[str, list[Change]]] = {}
    for change in changes:
        grouped.setdefault((change.path, change.function), {}).setdefault(change.operator, []).append(change)
    ranked: list[tuple[int, float, Change]] = []
    for operators in grouped.values():
        lists = list(operators.values())
        rng.shuffle(lists)
        for held in lists:
            rng.shuffle(held)
        turns = [held[turn] for turn in range(max(map(len, lists))) for held in lists if turn < len(held)]
        ranked += [(turn, rng.random(), change) for turn, change in enumerate(turns)]
    return [change for _, _, change in sorted(ranked, key=lambda one: one[:2])]
