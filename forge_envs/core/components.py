"""What a turn can earn on the way: facts about it, progress towards gold, components and potentials by name."""

from collections.abc import Callable
from dataclasses import dataclass

from forge_envs.core.errors import ConfigError


@dataclass(frozen=True)
class Progress:
    """How far an episode is, measured against gold. Each number is in [0, 1].

    Args:
        gold_in_order: The share of gold's calls that were made so far, counted only in gold's order.
        gold_as_set: The share of gold's calls that were made so far, in any order.
        state_closeness: 1 where the state is the goal, 0 where it is as far from it as at the start or farther; None
            where there is no state to compare.
        tests_fixed: The share of FAIL_TO_PASS tests that passed when they were last run.
        tests_kept: 1 if every PASS_TO_PASS test passed then, else 0.
        reproduced: 1 once a test of the agent's failed without the fix and passed with it, else 0.
    """

    gold_in_order: float
    gold_as_set: float
    state_closeness: float | None = None
    tests_fixed: float = 0.0
    tests_kept: float = 0.0
    reproduced: float = 0.0


@dataclass(frozen=True)
class StepFacts:
    """What happened in one turn, as far as step components may look at it.

    Args:
        format_correct: The reply could be parsed.
        calls: How many tools the reply called.
        failed_calls: How many of them came back as errors, for whatever reason.
        unknown_tools: How many of them named a tool that does not exist.
        invalid_arguments: How many of them had arguments that don't fit the tool's schema.
        public_passed: The share of public tests that the turn's program passes; 0 without a program.
        improvement: By how much that share is above the best of the episode so far; 0 where it is not.
        commands: How many shell commands the reply gave.
        commands_ran: How many of them could be started and came to their own end, whatever their exit code.
        before: Progress before the turn, and `after` it; None where the environment does not measure it.
    """

    format_correct: bool
    calls: int = 0
    failed_calls: int = 0
    unknown_tools: int = 0
    invalid_arguments: int = 0
    public_passed: float = 0.0
    improvement: float = 0.0
    commands: int = 0
    commands_ran: int = 0
    before: Progress | None = None
    after: Progress | None = None


def format_valid(facts: StepFacts) -> float:
    """1 if the reply could be parsed, else 0. Range {0, 1}. Source: FormatCorrect of Eq 7 and 8, for one turn."""
    return float(facts.format_correct)


def tool_exists(facts: StepFacts) -> float:
    """The share of the turn's calls that name a tool which exists; 0 without a call. Range [0, 1].

    Source: the tool-name part of ToolRL's reward (arXiv 2504.13958), without gold: any tool of the task counts.
    """
    return 1.0 - facts.unknown_tools / facts.calls if facts.calls else 0.0


def arguments_valid(facts: StepFacts) -> float:
    """The share of the turn's calls whose tool exists and whose arguments fit its schema; 0 without a call.

    Range [0, 1]. Source: args in Dom(f) of Eq 1, for one turn.
    """
    return 1.0 - (facts.unknown_tools + facts.invalid_arguments) / facts.calls if facts.calls else 0.0


def calls_succeeded(facts: StepFacts) -> float:
    """The share of the turn's calls that did not come back as errors; 0 without a call. Range [0, 1]. Source: ours."""
    return 1.0 - facts.failed_calls / facts.calls if facts.calls else 0.0


def gold_in_order(facts: StepFacts) -> float:
    """The share of gold's calls that this turn added in gold's order; other calls between them are free.

    Range [0, 1], and at most 1 over an episode. Source: ExactMatch of Eq 8, for a free-running episode (ours).
    """
    before, after = before_and_after(facts, "gold_in_order")
    return after.gold_in_order - before.gold_in_order


def gold_as_set(facts: StepFacts) -> float:
    """The share of gold's calls that this turn added, in any order; each gold call counts once.

    Range [0, 1], and at most 1 over an episode. Source: the multiset rule of BFCL's multi-turn response check, applied
    to calls instead of results (ours).
    """
    before, after = before_and_after(facts, "gold_as_set")
    return after.gold_as_set - before.gold_as_set


def state_distance(facts: StepFacts) -> float:
    """Minus the distance of the state after the turn from the goal, relative to the start's. Range [-1, 0].

    Source: the comparison of states in Eq 7, made gradual (ours).
    """
    _, after = before_and_after(facts, "state_distance")
    return closeness(after) - 1.0


def public_passed(facts: StepFacts) -> float:
    """The share of public tests that the turn's program passes. Range [0, 1]. Source: ours."""
    return facts.public_passed


def improvement(facts: StepFacts) -> float:
    """By how much the turn raised the best share of public tests so far; an episode's sum is its best share.

    Range [0, 1]. Source: ours.
    """
    return facts.improvement


def command_ran(facts: StepFacts) -> float:
    """The share of the turn's shell commands that could be started and came to their own end; 0 without a command.

    Range [0, 1]. A test that fails has run: exit codes other than 126 and 127 don't matter. Source: ours.
    """
    return facts.commands_ran / facts.commands if facts.commands else 0.0


def test_reproduced(facts: StepFacts) -> float:
    """1 in the turn in which a test of the agent's is first known to fail without the fix and to pass with it.

    Range {0, 1}, and at most 1 over an episode. Source: FAIL_TO_PASS of SWE-bench (arXiv 2310.06770), for tests that
    the agent runs (ours).
    """
    before, after = before_and_after(facts, "test_reproduced")
    return after.reproduced - before.reproduced


def f2p_fraction(facts: StepFacts) -> float:
    """By how much the share of FAIL_TO_PASS tests that pass has changed since it was last known; 0 where not checked.

    Range [-1, 1]; an episode's sum is the share at its last check. Source: FAIL_TO_PASS of SWE-bench (ours).
    """
    before, after = before_and_after(facts, "f2p_fraction")
    return after.tests_fixed - before.tests_fixed


def no_p2p_broken(facts: StepFacts) -> float:
    """-1 where a check finds the first PASS_TO_PASS tests broken, 1 where it finds them all repaired, else 0.

    Range [-1, 1]; an episode's sum is 0 if its last check found none broken, else -1. Source: PASS_TO_PASS of SWE-bench
    (ours).
    """
    before, after = before_and_after(facts, "no_p2p_broken")
    return after.tests_kept - before.tests_kept


test_reproduced.__test__ = False  # type: ignore[attr-defined]  # pytest collects functions by name


STEP_COMPONENTS: dict[str, Callable[[StepFacts], float]] = {
    "format_valid": format_valid,
    "tool_exists": tool_exists,
    "arguments_valid": arguments_valid,
    "calls_succeeded": calls_succeeded,
    "public_passed": public_passed,
    "improvement": improvement,
    "gold_in_order": gold_in_order,
    "gold_as_set": gold_as_set,
    "state_distance": state_distance,
    "command_ran": command_ran,
    "test_reproduced": test_reproduced,
    "f2p_fraction": f2p_fraction,
    "no_p2p_broken": no_p2p_broken,
}
"""Step components of ``reward="shaped"`` by name."""

POTENTIALS: dict[str, Callable[[Progress], float]] = {
    "shaping_gold_in_order": lambda progress: progress.gold_in_order,
    "shaping_gold_as_set": lambda progress: progress.gold_as_set,
    "shaping_state": lambda progress: closeness(progress),
    "shaping_f2p": lambda progress: progress.tests_fixed,
}
"""Potentials Φ in [0, 1] by name. Such a component pays γΦ(s′) - Φ(s), in [-1, 1], with Φ = 0 at every end.

The discounted sum over an episode is -Φ(start) however it goes, so shaping moves credit and never what is optimal.
Source: Ng, Harada and Russell 1999, "Policy invariance under reward transformations".
"""

MEASURED = frozenset(
    ("gold_in_order", "gold_as_set", "state_distance", "test_reproduced", "f2p_fraction", "no_p2p_broken", *POTENTIALS)
)
"""Components that look at the progress towards gold, which costs something to measure."""


def before_and_after(facts: StepFacts, component: str) -> tuple[Progress, Progress]:
    if facts.before is None or facts.after is None:
        raise ConfigError(f"The step component {component!r} needs progress towards gold, which is not measured here.")
    return facts.before, facts.after


def closeness(progress: Progress) -> float:
    if progress.state_closeness is None:
        raise ConfigError("This task has no state to compare with a goal: remove 'state_distance' and 'shaping_state'.")
    return progress.state_closeness
