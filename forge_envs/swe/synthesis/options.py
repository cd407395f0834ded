"""What a synthesis may be told."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """How tasks are made.

    Args:
        python: A prepared virtual environment; None means pytest and nothing else.
        limit: Tasks of each repository.
        minutes: For each repository, on the clock; what is done by then is kept.
        seed: Chooses candidates and wording.
        workers: Sandboxes at once.
        runs: How often the whole suite runs unchanged; a test counts that passes every time.
        checks: How often the broken repository and the repaired one run; each time has to say the same.
        same: Tasks of one function that break the same tests.
        decontaminate: Files of rows, suites, ``swe-bench``, or repositories ``owner/name`` to keep out.
        progress: Called with (repository, tasks, limit, candidates).
    """

    python: str | None = None
    limit: int = 60
    minutes: float = 45.0
    seed: int = 0
    workers: int = 2
    runs: int = 5
    checks: int = 2
    same: int = 2
    decontaminate: tuple[str, ...] = ()
    progress: Callable[[str, int, int, int], None] = lambda name, tasks, limit, candidates: None
