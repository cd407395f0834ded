"""Rewards: what a verdict says, the named components that a turn can earn on the way, and shaping by potentials."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from forge_envs.core.errors import ConfigError

RewardMode = Literal["outcome", "stepwise", "shaped"]


@dataclass(frozen=True)
class Verdict:
    """What a grader says of one artifact.

    Args:
        reward: The outcome reward, Eq 7 of the paper: 1 if the format was right and the task is done, else 0.
        components: Named parts of the decision, each in [0, 1].
        details: Facts for people: what differed, what was missing. Never shown to the agent before the end.
    """

    reward: float
    components: Mapping[str, float] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """How far an episode is, measured against gold. Each number is in [0, 1].

    Args:
        gold_in_order: The share of gold's calls that were made so far, counted only in gold's order.
        gold_as_set: The share of gold's calls that were made so far, in any order.
        state_closeness: 1 where the state is the goal, 0 where it is as far from it as at the start or farther.
        tests_fixed: The share of FAIL_TO_PASS tests that passed when they were last run.
        tests_kept: 1 if every PASS_TO_PASS test passed then, else 0.
        reproduced: 1 once a test of the agent's failed without the fix and passed with it.

    None means that an environment or a task has no such thing.
    """

    gold_in_order: float | None = None
    gold_as_set: float | None = None
    state_closeness: float | None = None
    tests_fixed: float | None = None
    tests_kept: float | None = None
    reproduced: float | None = None


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
    return _gained(facts, "gold_in_order", "gold_in_order")


def gold_as_set(facts: StepFacts) -> float:
    """The share of gold's calls that this turn added, in any order; each gold call counts once.

    Range [0, 1], and at most 1 over an episode. Source: the multiset rule of BFCL's multi-turn response check, applied
    to calls instead of results (ours).
    """
    return _gained(facts, "gold_as_set", "gold_as_set")


def state_distance(facts: StepFacts) -> float:
    """Minus the distance of the state after the turn from the goal, relative to the start's. Range [-1, 0].

    Source: the comparison of states in Eq 7, made gradual (ours).
    """
    _, after = _progress(facts, "state_distance")
    return _measured(after, "state_closeness", "state_distance") - 1.0


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
    return _gained(facts, "reproduced", "test_reproduced")


def f2p_fraction(facts: StepFacts) -> float:
    """By how much the share of FAIL_TO_PASS tests that pass has changed since it was last known; 0 where not checked.

    Range [-1, 1]; an episode's sum is the share at its last check. Source: FAIL_TO_PASS of SWE-bench (ours).
    """
    return _gained(facts, "tests_fixed", "f2p_fraction")


def no_p2p_broken(facts: StepFacts) -> float:
    """-1 where a check finds the first PASS_TO_PASS tests broken, 1 where it finds them all repaired, else 0.

    Range [-1, 1]; an episode's sum is 0 if its last check found none broken, else -1. Source: PASS_TO_PASS of SWE-bench
    (ours).
    """
    return _gained(facts, "tests_kept", "no_p2p_broken")


def public_passed(facts: StepFacts) -> float:
    """The share of public tests that the turn's program passes. Range [0, 1]. Source: ours."""
    return facts.public_passed


def improvement(facts: StepFacts) -> float:
    """By how much the turn raised the best share of public tests so far; an episode's sum is its best share.

    Range [0, 1]. Source: ours.
    """
    return facts.improvement


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

POTENTIALS: dict[str, str] = {
    "shaping_gold_in_order": "gold_in_order",
    "shaping_gold_as_set": "gold_as_set",
    "shaping_state": "state_closeness",
    "shaping_f2p": "tests_fixed",
}
"""Potentials Φ in [0, 1] by name: fields of `Progress`. Such a component pays γΦ(s′) - Φ(s), in [-1, 1], with Φ = 0 at every end.

The discounted sum over an episode is -Φ(start) however it goes, so shaping moves credit and never what is optimal.
Source: Ng, Harada and Russell 1999, "Policy invariance under reward transformations".
"""

_MEASURED = {
    *("gold_in_order", "gold_as_set", "state_distance", "test_reproduced", "f2p_fraction", "no_p2p_broken"),
    *POTENTIALS,
}


@dataclass(frozen=True)
class Rubric:
    """Step components and their weights.

    Args:
        weights: Name in `STEP_COMPONENTS` or `POTENTIALS` to weight. An episode's step rewards are these sums; the last
            turn adds the outcome.
        discount: γ of the potentials, per turn; the trainer's own, or shaping does not telescope.

    Raises:
        ConfigError: A name does not exist, or the discount is not in [0, 1].
    """

    weights: Mapping[str, float]
    discount: float = 1.0

    def __post_init__(self) -> None:
        known = {**STEP_COMPONENTS, **POTENTIALS}
        unknown = sorted(set(self.weights) - set(known))
        if unknown:
            raise ConfigError(f"Unknown step component {unknown[0]!r}: use one of {sorted(known)}.")
        if not 0.0 <= self.discount <= 1.0:
            raise ConfigError(f"The discount is {self.discount}; give a number from 0 to 1.")

    @property
    def needs_progress(self) -> bool:
        """Whether a component with a weight looks at the progress towards gold."""
        return bool(_MEASURED & set(self.weights))

    def score(self, facts: StepFacts, *, ended: bool = False) -> dict[str, float]:
        """The weighted components of one turn; their sum is its step reward.

        Args:
            facts: Of the turn.
            ended: The episode ended with it, by itself or by a limit.

        Raises:
            ConfigError: A component needs progress that the environment does not measure.
        """
        return {name: weight * self._part(name, facts, ended) for name, weight in self.weights.items()}

    def _part(self, name: str, facts: StepFacts, ended: bool) -> float:
        if name in STEP_COMPONENTS:
            return STEP_COMPONENTS[name](facts)
        before, after = _progress(facts, name)
        reached = 0.0 if ended else _measured(after, POTENTIALS[name], name)
        return self.discount * reached - _measured(before, POTENTIALS[name], name)


def _progress(facts: StepFacts, component: str) -> tuple[Progress, Progress]:
    if facts.before is None or facts.after is None:
        raise ConfigError(f"The step component {component!r} needs progress towards gold, which is not measured here.")
    return facts.before, facts.after


def _gained(facts: StepFacts, field_name: str, component: str) -> float:
    before, after = _progress(facts, component)
    return _measured(after, field_name, component) - _measured(before, field_name, component)


def _measured(progress: Progress, field_name: str, component: str) -> float:
    value: float | None = getattr(progress, field_name)
    if value is None:
        raise ConfigError(f"This task has nothing that {component!r} could measure: remove it from step_weights.")
    return value


class StepScorer:
    """Scores the turns of one episode.

    Args:
        rubric: What is scored.
        measure: Gives the progress now, or None where it is not measured. It costs a comparison with gold, so it is
            asked only if a component looks at it, and not kept: it belongs to the environment, which must not be in a
            cycle.

    Raises:
        ConfigError: A component needs progress that is not measured.
    """

    def __init__(self, rubric: Rubric, measure: Callable[[], Progress | None]):
        self._rubric = rubric
        self._reached = measure() if rubric.needs_progress else None
        if rubric.needs_progress and self._reached is None:
            missing = min(_MEASURED & set(rubric.weights))
            raise ConfigError(f"Progress towards gold is not measured here: remove {missing!r} from step_weights.")

    def score(self, facts: StepFacts, measure: Callable[[], Progress | None], *, ended: bool) -> dict[str, float]:
        """The weighted components of a turn that was just carried out."""
        before = self._reached
        self._reached = measure() if self._rubric.needs_progress else None
        return self._rubric.score(replace(facts, before=before, after=self._reached), ended=ended)

    def settle(self) -> dict[str, float]:
        """What the potentials pay where the episode is ended from outside, with no turn: -Φ(s)."""
        if self._reached is None:
            return {}
        weights = {name: weight for name, weight in self._rubric.weights.items() if name in POTENTIALS}
        return {name: -weight * _measured(self._reached, POTENTIALS[name], name) for name, weight in weights.items()}


def check_mode(mode: str) -> RewardMode:
    """The mode, if it is one.

    Raises:
        ConfigError: It is not.
    """
    if mode not in get_args(RewardMode):
        raise ConfigError(f"Unknown reward mode {mode!r}: use one of {list(get_args(RewardMode))}.")
    return mode  # type: ignore[return-value]
