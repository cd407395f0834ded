"""The calculator says what Python says, and evaluates nothing as Python."""

import warnings

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forge_envs.tool_use.tau.calculate import CHARACTERS, MAX_CHARS, calculate


def python_says(expression: str) -> str:
    """The reference: upstream's rule. The characters allow no name, so this is arithmetic only."""
    assert set(expression) <= set(CHARACTERS)
    try:
        return str(round(float(eval(expression, {"__builtins__": None}, {})), 2))
    except Exception as error:
        return f"Error: {error}"


def ours(expression: str) -> str:
    try:
        return calculate(expression)
    except Exception as error:
        return f"Error: {error}"


numbers = st.integers(0, 999).map(str) | st.floats(0, 1e6, allow_nan=False).map(lambda x: f"{x:.3f}")
terms = st.recursive(
    numbers,
    lambda inner: (
        st.builds("{}{}{}".format, inner, st.sampled_from([" + ", "-", "*", " / ", "//"]), inner)
        | inner.map("({})".format)
        | inner.map("-{}".format)
    ),
    max_leaves=8,
)


@given(terms)
@settings(max_examples=300, deadline=None)
def test_arithmetic_is_pythons(expression: str) -> None:
    assert ours(expression) == python_says(expression)


@given(st.text(alphabet=CHARACTERS.replace("*", ""), max_size=12))
@example("2(3)")
@example("()()")
@example("...")
@example("007")
@example("")
@example(" 1")
@example("(1")
@example("1 2")
@example("-()")
@settings(max_examples=400, deadline=None)
def test_anything_of_these_characters_is_answered_as_python_does(expression: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert ours(expression) == python_says(expression)


@pytest.mark.parametrize("expression", ["2**3", "2 ** -1", "(-8)**.5", "0**0", "10**400", "0 ** -1", "2**3**2"])
def test_powers_are_pythons(expression: str) -> None:
    assert ours(expression) == python_says(expression)


@pytest.mark.parametrize("expression", ["9**9**9", "(9**9**9)*1", "9**99999999//9**99999998", "1+" * MAX_CHARS + "1"])
def test_giants_fail_at_once(expression: str) -> None:
    with pytest.raises((OverflowError, RecursionError)):
        calculate(expression)


@pytest.mark.parametrize("given", [None, 5, ["1", "+"], {"1": 2}])
def test_what_is_no_text_fails_with_pythons_words(given: object) -> None:
    with pytest.raises(TypeError, match=r"^eval\(\) arg 1 must be a string, bytes or code object$"):
        calculate(given)  # type: ignore[arg-type]
