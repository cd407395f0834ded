"""The categories of BFCL v3 and how their accuracies make one score (upstream: constants/category_mapping.py)."""

from collections.abc import Mapping
from typing import Literal

Language = Literal["python", "java", "javascript"]

SIMPLE = ("simple_python", "simple_java", "simple_javascript")
NON_LIVE = (*SIMPLE, "multiple", "parallel", "parallel_multiple", "irrelevance")
LIVE = (
    "live_simple",
    "live_multiple",
    "live_parallel",
    "live_parallel_multiple",
    "live_irrelevance",
    "live_relevance",
)
MULTI_TURN = ("multi_turn_base", "multi_turn_miss_func", "multi_turn_miss_param", "multi_turn_long_context")
CATEGORIES = (*NON_LIVE, *LIVE, *MULTI_TURN)
"""Every category of v3. The data files carry ``BFCL_v4`` in their names: v4 kept the v3 tasks and added others."""


def category_of(entry_id: str) -> str:
    """The category that an entry's id belongs to, for example ``live_multiple`` for ``live_multiple_3-1-0``."""
    return entry_id.rsplit("_", 1)[0]


def language_of(category: str) -> Language:
    """The language in which a category's values are written."""
    if "javascript" in category:
        return "javascript"
    return "java" if "java" in category else "python"


def is_multi_turn(category: str) -> bool:
    """Whether the category is played in several turns on stateful backends."""
    return category.startswith("multi_turn")


def is_relevance(category: str) -> bool:
    """Whether a category asks only if a call is made at all: ``irrelevance`` and the two live ones."""
    return "relevance" in category


def overall(accuracy: Mapping[str, float], count: Mapping[str, int]) -> dict[str, float]:
    """The v3 scores from accuracies by category; a category that was not run leaves its group out.

    Non-live is the unweighted mean of simple (the mean of its languages), multiple, parallel, parallel_multiple and
    irrelevance. Live weighs its categories by their entries. Multi-turn is the mean of its four categories. Overall is
    the mean of the three (upstream at commit 65a1c944, eval_checker/eval_runner_helper.py). An overall score of v4
    weighs other groups and can't be compared with it.

    Args:
        accuracy: Category to accuracy in [0, 1].
        count: Category to number of entries that were graded.

    Returns:
        ``non_live``, ``live``, ``multi_turn`` and ``overall``, as far as their categories are all there.
    """
    scores: dict[str, float] = {}
    if all(name in accuracy for name in NON_LIVE):
        simple = sum(accuracy[name] for name in SIMPLE) / len(SIMPLE)
        others = [accuracy[name] for name in NON_LIVE if name not in SIMPLE]
        scores["non_live"] = (simple + sum(others)) / (1 + len(others))
    if all(name in accuracy for name in LIVE) and any(count[name] for name in LIVE):
        scores["live"] = sum(accuracy[name] * count[name] for name in LIVE) / sum(count[name] for name in LIVE)
    if all(name in accuracy for name in MULTI_TURN):
        scores["multi_turn"] = sum(accuracy[name] for name in MULTI_TURN) / len(MULTI_TURN)
    if len(scores) == 3:
        scores["overall"] = sum(scores.values()) / 3
    return scores
