"""Rewards: modes, step components, rubrics, verdicts."""

import pytest

from forge_envs import ConfigError, GraderError
from forge_envs.core.rewards import Rubric, StepFacts, check_mode


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (StepFacts(True), (0.5, 0.0)),
        (StepFacts(False), (0.0, 0.0)),
        (StepFacts(True, calls=4, failed_calls=1), (0.5, 1.5)),
        (StepFacts(True, calls=2, failed_calls=2), (0.5, 0.0)),
    ],
)
def test_components_are_weighted(facts: StepFacts, expected: tuple[float, float]) -> None:
    score = Rubric({"format_valid": 0.5, "calls_succeeded": 2.0}).score(facts)
    assert score == {"format_valid": expected[0], "calls_succeeded": expected[1]}


def test_no_weights_no_components() -> None:
    assert Rubric({}).score(StepFacts(True)) == {}


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"Unknown step component 'style': use one of \['calls_succeeded', 'format_"):
        Rubric({"format_valid": 1.0, "style": 1.0})
    with pytest.raises(ConfigError, match=r"Unknown reward mode 'dense': use one of \['outcome', 'stepwise', 'shaped'"):
        check_mode("dense")
    assert check_mode("shaped") == "shaped"


def test_a_grader_error_carries_the_artifact() -> None:
    assert GraderError("no").artifact is None
    assert GraderError("no", {"state": {}}).artifact == {"state": {}}
