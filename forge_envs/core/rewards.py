"""Rewards: what a verdict says, the named components that a turn can earn on the way, and shaping by potentials."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from forge_envs.core.components import (
    MEASURED,
    POTENTIALS,
    STEP_COMPONENTS,
    Progress,
    StepFacts,
    before_and_after,
)
from forge_envs.core.errors import ConfigError

__all__ = [
    "POTENTIALS",
    "STEP_COMPONENTS",
    "Progress",
    "RewardMode",
    "Rubric",
    "StepFacts",
    "StepScorer",
    "Verdict",
    "check_mode",
]

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
        return bool(MEASURED & set(self.weights))

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
        before, after = before_and_after(facts, name)
        potential = POTENTIALS[name]
        return self.discount * (0.0 if ended else potential(after)) - potential(before)


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
            missing = min(MEASURED & set(rubric.weights))
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
        return {name: -weight * POTENTIALS[name](self._reached) for name, weight in weights.items()}


def check_mode(mode: str) -> RewardMode:
    """The mode, if it is one.

    Raises:
        ConfigError: It is not.
    """
    if mode not in get_args(RewardMode):
        raise ConfigError(f"Unknown reward mode {mode!r}: use one of {list(get_args(RewardMode))}.")
    return mode  # type: ignore[return-value]
