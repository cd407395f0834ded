"""Reading a submission: what is accepted, and the sentence for what is not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_envs.code_contest.compare import Options
from forge_envs.code_contest.submission import LEAST_MEMORY_MB, Submission
from forge_envs.core.errors import TaskError

STDIN = {"code": "x", "tests": [{"stdin": "1", "expected": "1"}]}
CALL = {"code": "x", "mode": "function", "fn_name": "f", "tests": [{"args": [1], "expected": 1}]}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.sampled_from([*Submission.__dataclass_fields__])


def test_what_is_left_out_has_a_default() -> None:
    read = Submission.from_row(STDIN)
    assert (read.language, read.mode, read.checker and read.checker.type) == ("python", "stdin", "tokens")
    assert (read.time_limit_s, read.memory_limit_mb, read.stop_at_first_failure) == (10.0, 1024, False)
    call = Submission.from_row(CALL)
    assert call.checker and call.checker.type == "json_equal" and call.tests[0].args == (1,)


def test_null_is_as_good_as_absent_and_unknown_fields_do_not_matter() -> None:
    nothing = dict.fromkeys(("fn_name", "checker", "time_limit_s", "memory_limit_mb", "stop_at_first_failure"))
    assert Submission.from_row({**STDIN, **nothing, "expected_verdict": "AC"}) == Submission.from_row(STDIN)


def test_a_checker_takes_its_options() -> None:
    checker = {"type": "float", "abs": 0, "rel": 1e-4, "case_insensitive": True}
    read = Submission.from_row({**STDIN, "checker": checker}).checker
    assert read and read.options == Options(0.0, 1e-4, True)
    program = Submission.from_row({**STDIN, "checker": {"type": "program", "source": "#include <x>"}}).checker
    assert program and program.program and program.program.language == "cpp"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"code": None}, "code has to be text"),
        ({"tests": []}, "at least one test"),
        ({"tests": None}, "at least one test"),
        ({"tests": [3]}, r"tests\[0\] has to be an object"),
        ({"tests": [{"expected": "1"}]}, "either 'stdin' or 'stdin_file'"),
        ({"tests": [{"stdin": "1", "stdin_file": "x", "expected": "1"}]}, "either 'stdin' or 'stdin_file'"),
        ({"tests": [{"stdin": "1"}]}, r"tests\[0\].expected has to be text"),
        ({"tests": [{"stdin": 1, "expected": "1"}]}, r"tests\[0\].stdin has to be text"),
        ({"tests": [{"stdin": "1", "expected": 1}]}, r"tests\[0\].expected has to be text"),
        ({"mode": "batch"}, "mode has to be one of stdin, function, interactive"),
        ({"mode": ["stdin"]}, "mode has to be one of"),
        ({"mode": "function"}, "'fn_name' has to be"),
        ({"mode": "interactive"}, "'interactor' has to be an object"),
        ({"checker": "tokens"}, "'checker' has to be an object"),
        ({"checker": {"type": "fuzzy"}}, "checker.type 'fuzzy' does not exist"),
        ({"checker": {"type": "json"}}, "does not exist in stdin mode"),
        ({"checker": {"type": "program", "source": "", "args": "x"}}, "checker.args has to be a list of texts"),
        ({"checker": {"type": "float", "abs": -1}}, "checker.abs has to be a number"),
        ({"checker": {"type": "float", "rel": "1"}}, "checker.rel has to be a number"),
        ({"checker": {"type": "float", "abs": float("nan")}}, "checker.abs has to be a number"),
        ({"checker": {"type": "program"}}, "checker.source has to be text"),
        ({"checker": {"type": "tokens", "case_insensitive": 1}}, "has to be true or false"),
        ({"time_limit_s": 0}, "time_limit_s has to be a positive number"),
        ({"time_limit_s": True}, "time_limit_s has to be a positive number"),
        ({"time_limit_s": float("inf")}, "time_limit_s has to be a positive number"),
        ({"memory_limit_mb": "64"}, "memory_limit_mb has to be a positive number"),
        ({"stop_at_first_failure": "yes"}, "has to be true or false"),
        ({"language": 3}, "language has to be text"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], says: str) -> None:
    with pytest.raises(TaskError, match=says):
        Submission.from_row({**STDIN, **change})


def test_null_is_the_default() -> None:
    fields = ("language", "mode", "name", "fn_name", "checker", "time_limit_s", "memory_limit_mb")
    tests = [{**test, "stdin_file": None} for test in STDIN["tests"]]
    plain = Submission.from_row({key: value for key, value in STDIN.items() if key not in fields})
    assert Submission.from_row({**STDIN, **dict.fromkeys(fields), "tests": tests}) == plain


def test_no_memory_limit_is_smaller_than_a_run_starts_with() -> None:
    assert Submission.from_row({**STDIN, "memory_limit_mb": 0.5}).memory_limit_mb == LEAST_MEMORY_MB


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"fn_name": "f()"}, "'fn_name' has to be"),
        ({"tests": [{"args": 1, "expected": 1}]}, "needs 'args'"),
        ({"tests": [{"args": [1]}]}, "needs 'args'"),
        ({"tests": [{"check": 1}]}, "check has to be text"),
        ({"checker": {"type": "tokens"}}, "does not exist in function mode"),
    ],
)
def test_a_wrong_field_of_function_mode_is_named(change: dict[str, Any], says: str) -> None:
    with pytest.raises(TaskError, match=says):
        Submission.from_row({**CALL, **change})


@given(st.sampled_from([STDIN, CALL]), st.dictionaries(FIELDS, JSON, max_size=3))
def test_any_object_is_read_or_refused_with_a_sentence(base: dict[str, Any], change: dict[str, Any]) -> None:
    row = json.loads(json.dumps({**base, **change}))
    try:
        assert Submission.from_row(row).tests
    except TaskError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("source", "language"),
    [
        ("#include <cstdio>\nint main() {}", "cpp"),
        ('\ufeff  # include "testlib.h"', "cpp"),
        ("int main(int c, char **v) { return 0; }", "cpp"),
        ("import sys\n# we #include nothing\ns = '#include <x>'", "python"),
        ("", "python"),
    ],
)
def test_the_language_of_a_checker_is_seen_in_its_source(source: str, language: str) -> None:
    tests = [{"stdin": "", "expected": ""}]
    read = Submission.from_row({"code": "", "tests": tests, "checker": {"type": "program", "source": source}})
    assert read.checker and read.checker.program and read.checker.program.language == language
