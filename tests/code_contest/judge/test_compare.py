"""The comparison rules, on bytes."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_envs.code_contest.compare import RULES, Options, matches

TEXT = st.text(alphabet="ab1.-eE \n\r\t", max_size=40).map(str.encode)
SPACE = st.text(alphabet=" \t\r\n", min_size=1, max_size=3).map(str.encode)


def right(rule: str, got: str | bytes, expected: str | bytes, **options: float | bool) -> bool:
    as_bytes = [text if isinstance(text, bytes) else text.encode() for text in (got, expected)]
    return matches(rule, *as_bytes, Options(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "got", "expected", "verdict"),
    [
        ("tokens", "1 2\n3", " 1\t2 3\r\n\n", True),
        ("tokens", "1 23", "12 3", False),
        ("tokens", "1 2", "1 2 3", False),
        ("tokens", "1 2 3", "1 2", False),
        ("tokens", "06", "6", False),
        ("tokens", "6.0", "6", False),
        ("tokens", "1_0", "10", False),
        ("tokens", "٣", "3", False),
        ("tokens", "YES", "Yes", False),
        ("tokens", "", " \n", True),
        ("tokens", "a\0b", "a b", False),
        ("lines", "1 2 \r\n3\n\n\n", "1 2\n3", True),
        ("lines", "1 2 3", "1 2\n3", False),
        ("lines", "1  2", "1 2", False),
        ("lines", " 1", "1", False),
        ("lines", "1\n\n2", "1\n2", False),
        ("lines", "\n1", "1", False),
        ("exact", "1\n", "1\n", True),
        ("exact", "1", "1\n", False),
        ("exact", "1\r\n", "1\n", False),
        ("yes_no", "yes\nNO", "YES No", True),
        ("yes_no", "YES yes", "YES NO", False),
        ("yes_no", "yes", "yes no", False),
        ("yes_no", "Yes A", "YES a", False),
        ("yes_no", "y", "yes", False),
        ("unordered", "b  a\n\nc", "c\nb a\n", True),
        ("unordered", "a b\nc", "c\nb a", False),
        ("unordered", "a\na\nb", "a\nb\nb", False),
        ("unordered_tokens", "3 1\n2", "1 2 3", True),
        ("unordered_tokens", "1 1 2", "1 2 2", False),
    ],
)
def test_a_rule_says_what_its_docstring_says(rule: str, got: str, expected: str, verdict: bool) -> None:
    assert right(rule, got, expected) is verdict


@pytest.mark.parametrize(
    ("got", "expected", "options", "verdict"),
    [
        ("0.3000000001", "0.3", {}, True),
        ("0.30001", "0.3", {}, False),
        ("1000000.5", "1000000", {}, True),
        ("1000000.5", "1000000", {"abs": 1e-6}, False),
        ("0.0000001", "0", {"rel": 1e-6}, False),
        ("0.0000001", "0", {"abs": 1e-6}, True),
        ("99", "100", {"rel": 0.01}, True),
        ("98.9", "100", {"rel": 0.01}, False),
        ("-99", "-100", {"rel": 0.01}, True),
        ("1e3", "1000", {}, True),
        ("+5", "5", {}, True),
        (".5", "0.5", {}, True),
        ("5.", "5", {}, True),
        ("nan", "1", {"abs": 1e9}, False),
        ("nan", "nan", {}, True),
        ("inf", "1e308", {"rel": 1e9}, False),
        ("1e999", "1e308", {"rel": 1e9}, False),
        ("-inf", "1", {"abs": 1e300}, False),
        ("0x10", "16", {}, False),
        ("1_0", "10", {}, False),
        ("٣", "3", {}, False),
        ("1,5", "1.5", {}, False),
        ("1e", "1", {}, False),
        ("--1", "1", {"abs": 10}, False),
        ("YES 0.5", "YES 0.50000001", {}, True),
        ("NO 0.5", "YES 0.5", {}, False),
        ("yes 0.5", "YES 0.5", {"case_insensitive": True}, True),
        ("0.5 1", "0.5", {}, False),
        ("0.5", "0.5 1", {}, False),
        ("", "0", {}, False),
        ("1000000000000000001", "1000000000000000000", {"abs": 0, "rel": 0}, True),
        ("123456789012345678901", "123456789012345679901", {"abs": 0, "rel": 1e-15}, True),
    ],
)
def test_float_follows_testlib(got: str, expected: str, options: dict[str, float], verdict: bool) -> None:
    assert right("float", got, expected, **options) is verdict


@given(st.lists(st.text(alphabet="abc019.", min_size=1, max_size=4).map(str.encode)), st.data())
def test_white_space_never_changes_tokens(words: list[bytes], data: st.DataObject) -> None:
    spaced = [part for word in words for part in (word, data.draw(SPACE))]
    assert right("tokens", b"".join(spaced), b" ".join(words))
    assert right("float", b"".join(spaced), b" ".join(words))


@given(TEXT, TEXT, st.sampled_from([*RULES]), st.booleans())
def test_a_rule_is_reflexive_and_no_stricter_than_exact(a: bytes, b: bytes, rule: str, fold: bool) -> None:
    options = Options(case_insensitive=fold)
    assert matches(rule, a, a, options)
    if matches("exact", a, b, options):
        assert matches(rule, a, b, options)


@given(TEXT, TEXT)
def test_tokens_are_what_split_says(a: bytes, b: bytes) -> None:
    assert right("tokens", a, b) is (a.split() == b.split())


@pytest.mark.parametrize("rule", [*RULES])
def test_large_outputs_take_linear_time(rule: str) -> None:
    small, large = b"1 2\n" * 100_000, b"1 2\n" * 1_600_000

    def took(text: bytes) -> float:
        """The least of three, in CPU seconds: others on the machine only ever add."""
        seconds = []
        for _ in range(3):
            started = time.process_time()
            assert not matches(rule, text + b"3", text + b"4", Options())
            seconds.append(time.process_time() - started)
        return min(seconds)

    # Sixteen times the size; 256 times the work where it is quadratic.
    assert took(large) < 16 * 8 * max(took(small), 0.01)


def test_a_word_longer_than_a_piece_is_compared_whole() -> None:
    word = b"x" * (3 << 20)
    assert right("tokens", b"a " + word + b" b", b"a\n" + word + b"\nb")
    assert not right("tokens", b"a " + word + b" b", b"a\n" + word + b"x b")


def test_digits_without_end_are_no_number_and_cost_little() -> None:
    started = time.process_time()
    assert not right("float", b"1" * 10**6 + b"x", b"1" * 10**6)
    assert right("float", b"1" * 10**6, b"1" * 10**6)
    assert time.process_time() - started < 10
