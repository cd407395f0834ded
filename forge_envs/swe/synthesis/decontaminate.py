"""Keeps benchmarks out: their repositories, by name and by commit, and changes with much of their patches' text."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forge_envs.core.errors import ConfigError
from forge_envs.core.task import load_suite
from forge_envs.swe.task import swe_rows

GRAM = 8
"""Tokens in a row that are compared."""

SHARED = 0.5
"""Share of a patch's grams that a benchmark's patches may hold."""

_SWE_BENCH = (
    "astropy/astropy django/django matplotlib/matplotlib mwaskom/seaborn pallets/flask psf/requests pydata/xarray"
    " pylint-dev/pylint pytest-dev/pytest scikit-learn/scikit-learn sphinx-doc/sphinx sympy/sympy"
)
NAMES: Mapping[str, frozenset[str]] = {"swe-bench": frozenset(_SWE_BENCH.split())}
"""The repositories of SWE-bench, Verified and Lite."""


@dataclass(frozen=True)
class Benchmarks:
    """What is kept out.

    Args:
        projects: Names of repositories without their owner, normalized.
        grams: Of the changed lines of gold patches.
        commits: Hashes of base commits.
    """

    projects: frozenset[str] = frozenset()
    grams: frozenset[tuple[str, ...]] = frozenset()
    commits: frozenset[str] = frozenset()

    def refuse_project(self, name: str) -> None:
        """Raise ConfigError where a repository is one of a benchmark's."""
        if _normal(name) in self.projects:
            raise ConfigError(f"{name} is a repository of the benchmarks to keep out: leave it out or change the list.")

    def refuse_history(self, name: str, commits: frozenset[str]) -> None:
        """Raise ConfigError where a benchmark's base commit is in a history: a fork, or the same under another name."""
        if found := sorted(commits & self.commits):
            raise ConfigError(
                f"{name} holds {found[0]}, a base commit of the benchmarks to keep out: leave {name} out."
            )

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Whether a task has a benchmark's base commit, or much of its patch is in a benchmark's patches."""
        grams = _grams(str(row.get("patch", "")))
        return row.get("base_commit") in self.commits or (
            bool(grams) and len(grams & self.grams) / len(grams) >= SHARED
        )


def load_benchmarks(named: Sequence[str]) -> Benchmarks:
    """Read what to keep out.

    Args:
        named: Files of rows, suites, ``swe-bench``, or repositories ``owner/name``.

    Raises:
        TaskError: A file or a suite is wrong; ConfigError: a name is nothing of these.
    """
    projects: set[str] = set()
    grams: set[tuple[str, ...]] = set()
    commits: set[str] = set()
    for name in named:
        rows: list[Mapping[str, Any]] = []
        if Path(name).is_file():
            rows = list(swe_rows(name))
        elif name in NAMES:
            projects |= {_normal(repo) for repo in NAMES[name]}
        elif ":" in name or (Path(name) / "suite.toml").is_file() or name.startswith("swe/"):
            rows = [task.data for task in load_suite(name)]
        elif re.fullmatch(r"[\w.-]+/[\w.-]+", name):
            projects.add(_normal(name))
        else:
            raise ConfigError(f"{name!r} is no file of rows, no suite, none of {sorted(NAMES)}, and no owner/name.")
        for row in rows:
            projects.add(_normal(str(row.get("repo", ""))))
            grams |= _grams(str(row.get("patch", "")))
            commits |= {str(row.get("base_commit") or "").lower()}
    return Benchmarks(frozenset(projects - {""}), frozenset(grams), frozenset(commits - {""}))


def _normal(repo: str) -> str:
    """A project's name as package indices compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", repo.rpartition("/")[2]).lower()


def _grams(patch: str) -> frozenset[tuple[str, ...]]:
    lines = [line for line in patch.split("\n") if line[:1] in ("+", "-") and line[:3] not in ("+++", "---")]
    # A bug and its repair are the same lines with their signs turned.
    tokens = [token for line in lines for token in re.findall(r"\w+|[^\w\s]", line[1:])]
    return frozenset(tuple(tokens[start : start + GRAM]) for start in range(len(tokens) - GRAM + 1))
