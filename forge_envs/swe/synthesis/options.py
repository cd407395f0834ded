"""What a synthesis may be told."""

from collections.abc import Callable
from dataclasses import dataclass

from forge_envs.swe.synthesis.chat_issue import ChatSpec
from forge_envs.swe.synthesis.mutations import STRATEGIES, Strategy


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
        strategies: The ones that are tried; combinations are made of mutations and rewrites.
        same: Tasks of one function that break the same tests.
        decontaminate: Files of rows, suites, ``swe-bench``, or repositories ``owner/name`` to keep out.
        chat: The model that words issues; None: templates.
        progress: Called with (repository, tasks, limit, candidates).
    """

    python: str | None = None
    limit: int = 60
    minutes: float = 45.0
    seed: int = 0
    workers: int = 2
    runs: int = 5
    checks: int = 2
    strategies: tuple[Strategy, ...] = STRATEGIES
    same: int = 2
    decontaminate: tuple[str, ...] = ()
    chat: ChatSpec | None = None
    progress: Callable[[str, int, int, int], None] = lambda name, tasks, limit, candidates: None
