"""Rewards: what a verdict says, and the named components that a turn can earn on the way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
class StepFacts:
    """What happened in one turn, as far as step components may look at it.

    Args:
        format_correct: The reply could be parsed.
        calls: How many tools the reply called.
        failed_calls: How many of them came back as errors.
    """

    format_correct: bool
    calls: int = 0
    failed_calls: int = 0


def format_valid(facts: StepFacts) -> float:
    """1 if the reply could be parsed, else 0 (the FormatCorrect of Eq 7 and 8, for one turn). Range {0, 1}."""
    return float(facts.format_correct)


def calls_succeeded(facts: StepFacts) -> float:
    """The share of the turn's calls that did not come back as errors; 0 without a call (ours). Range [0, 1]."""
    return 1.0 - facts.failed_calls / facts.calls if facts.calls else 0.0


STEP_COMPONENTS: dict[str, Callable[[StepFacts], float]] = {
    "format_valid": format_valid,
    "calls_succeeded": calls_succeeded,
}
"""Step components of ``reward="shaped"`` by name."""


@dataclass(frozen=True)
class Rubric:
    """Step components and their weights.

    Args:
        weights: Component name to weight. An episode's step rewards are these sums; the last turn adds the outcome.
    """

    weights: Mapping[str, float]

    def __post_init__(self) -> None:
        unknown = sorted(set(self.weights) - set(STEP_COMPONENTS))
        if unknown:
            raise ConfigError(f"Unknown step component {unknown[0]!r}: use one of {sorted(STEP_COMPONENTS)}.")

    def score(self, facts: StepFacts) -> dict[str, float]:
        """The weighted components of one turn; their sum is its step reward."""
        return {name: weight * STEP_COMPONENTS[name](facts) for name, weight in self.weights.items()}


def check_mode(mode: str) -> RewardMode:
    """The mode, if it is one.

    Raises:
        ConfigError: It is not.
    """
    if mode not in get_args(RewardMode):
        raise ConfigError(f"Unknown reward mode {mode!r}: use one of {list(get_args(RewardMode))}.")
    return mode  # type: ignore[return-value]
