"""Rewards: modes, step components, rubrics, potentials that telescope, verdicts."""

import inspect
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_envs import ConfigError, GraderError
from forge_envs.core.rewards import POTENTIALS, STEP_COMPONENTS, Progress, Rubric, StepFacts, StepScorer, check_mode

shares = st.floats(0.0, 1.0)
progresses = st.builds(Progress, shares, shares, shares)


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


@pytest.mark.parametrize(
    ("name", "facts", "expected"),
    [
        ("tool_exists", StepFacts(True), 0.0),
        ("tool_exists", StepFacts(True, calls=4, failed_calls=3, unknown_tools=1, invalid_arguments=2), 0.75),
        ("arguments_valid", StepFacts(True), 0.0),
        ("arguments_valid", StepFacts(True, calls=4, failed_calls=4, unknown_tools=1, invalid_arguments=2), 0.25),
        ("arguments_valid", StepFacts(True, calls=1, failed_calls=1), 1.0),
        ("gold_in_order", StepFacts(True, before=Progress(0.25, 0.0, 0.0), after=Progress(0.75, 1.0, 1.0)), 0.5),
        ("gold_as_set", StepFacts(True, before=Progress(0.0, 0.5, 0.0), after=Progress(0.0, 1.0, 0.0)), 0.5),
        ("state_distance", StepFacts(True, before=Progress(0.0, 0.0, 1.0), after=Progress(1.0, 1.0, 0.25)), -0.75),
        ("shaping_state", StepFacts(True, before=Progress(0.0, 0.0, 0.5), after=Progress(0.0, 0.0, 1.0)), 0.4),
    ],
)
def test_what_a_component_pays(name: str, facts: StepFacts, expected: float) -> None:
    assert Rubric({name: 1.0}, discount=0.9).score(facts) == {name: pytest.approx(expected)}
    assert Rubric({name: 2.0}, discount=0.9).score(facts) == {name: pytest.approx(2 * expected)}


@pytest.mark.parametrize("name", sorted(STEP_COMPONENTS))
def test_a_component_names_its_range_and_its_source(name: str) -> None:
    described = inspect.getdoc(STEP_COMPONENTS[name]) or ""
    assert "Range " in described and "Source: " in described


@given(st.booleans(), st.integers(0, 5), st.data(), progresses, progresses, shares)
def test_components_stay_in_their_ranges(
    format_correct: bool, calls: int, data: st.DataObject, before: Progress, after: Progress, discount: float
) -> None:
    failed = data.draw(st.integers(0, calls))
    unknown = data.draw(st.integers(0, failed))
    invalid = data.draw(st.integers(0, failed - unknown))
    facts = StepFacts(
        format_correct,
        calls=calls,
        failed_calls=failed,
        unknown_tools=unknown,
        invalid_arguments=invalid,
        before=before,
        after=after,
    )
    for name, function in STEP_COMPONENTS.items():
        low = -1.0 if name in ("state_distance", "gold_in_order", "gold_as_set") else 0.0  # progress may be lost here
        assert low <= function(facts) <= 1.0
    for name in POTENTIALS:
        for ended in (False, True):
            assert -1.0 <= Rubric({name: 1.0}, discount).score(facts, ended=ended)[name] <= 1.0


@given(st.lists(progresses, min_size=2, max_size=12), shares, st.floats(-3.0, 3.0), st.booleans())
def test_shaping_telescopes(states: Sequence[Progress], discount: float, weight: float, outside: bool) -> None:
    """However an episode goes and ends, its discounted shaping is -Φ(start): nothing is gained by any detour."""
    for name, potential in POTENTIALS.items():
        visited = iter(states)
        scorer = StepScorer(Rubric({name: weight}, discount), lambda visited=visited: next(visited))  # type: ignore[misc]
        steps = len(states) - 1
        paid = [
            scorer.score(StepFacts(True), lambda visited=visited: next(visited), ended=t == steps - 1 and not outside)  # type: ignore[misc]
            for t in range(steps)
        ]
        paid += [scorer.settle()] if outside else []
        total = sum(discount**t * parts[name] for t, parts in enumerate(paid))
        assert total == pytest.approx(-weight * potential(states[0]), abs=1e-9)


def test_no_weights_no_components() -> None:
    assert Rubric({}).score(StepFacts(True)) == {}
    assert not Rubric({"format_valid": 1.0}).needs_progress and Rubric({"shaping_state": 1.0}).needs_progress


def test_progress_is_measured_only_where_it_is_asked_for() -> None:
    def never() -> Progress | None:
        raise AssertionError

    scorer = StepScorer(Rubric({"tool_exists": 1.0}), never)
    assert scorer.score(StepFacts(True, 1), never, ended=True) == {"tool_exists": 1.0} and scorer.settle() == {}
    with pytest.raises(ConfigError, match="not measured here: remove 'gold_as_set' from step_weights"):
        StepScorer(Rubric({"gold_as_set": 1.0}), lambda: None)
    with pytest.raises(ConfigError, match="'state_distance' needs progress"):
        Rubric({"state_distance": 1.0}).score(StepFacts(True))


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"Unknown step component 'style': use one of \['arguments_valid', 'calls_"):
        Rubric({"format_valid": 1.0, "style": 1.0})
    with pytest.raises(ConfigError, match=r"The discount is 1\.5; give a number from 0 to 1"):
        Rubric({}, discount=1.5)
    with pytest.raises(ConfigError, match=r"Unknown reward mode 'dense': use one of \['outcome', 'stepwise', 'shaped'"):
        check_mode("dense")
    assert check_mode("shaped") == "shaped"


def test_a_grader_error_carries_the_artifact() -> None:
    assert GraderError("no").artifact is None
    assert GraderError("no", {"state": {}}).artifact == {"state": {}}
