"""Logs to statuses to lists: the rules of swebench, case by case; `test_swebench_conformance` asks swebench itself."""

import pytest

from forge_envs import TaskError
from forge_envs.swe.logs import PARSERS, TestLists, parser_of, test_lists

LOG = """============ test session starts ============
tests/test_a.py .F
PASSED tests/test_a.py::test_one
PASSED tests/test_a.py::test_path[/tmp/x/file.txt]
PASSED tests/test_a.py::test_url[//host/x]
PASSED tests/test_a.py::test_words[a b]
SKIPPED [2] tests/test_a.py:7: no network
SKIPPED tests/test_a.py::test_skipped
XFAIL tests/test_a.py::test_known - reason
FAILED tests/test_a.py::test_two - AssertionError: 1 - 2
ERROR tests/test_a.py::test_one
\x1b[32mPASSED\x1b[0m tests/test_a.py::\x1b[1mtest_colour\x1b[0m
tests/test_a.py::test_old PASSED
PASSED
"""
A = "tests/test_a.py::"


def test_parsers() -> None:
    plain = PARSERS["parse_log_flask"](LOG)
    assert plain == {
        f"{A}test_one": "ERROR",
        f"{A}test_path[/tmp/x/file.txt]": "PASSED",
        f"{A}test_url[//host/x]": "PASSED",
        f"{A}test_words[a": "PASSED",
        f"{A}test_skipped": "SKIPPED",
        f"{A}test_known": "XFAIL",
        f"{A}test_two": "FAILED",
    }
    options = PARSERS["parse_log_requests"](LOG)
    assert f"{A}test_path[/file.txt]" in options and f"{A}test_url[//host/x]" in options
    later = PARSERS["parse_log_sphinx"](LOG)
    assert later[f"{A}test_words[a b]"] == later[f"{A}test_colour"] == later[f"{A}test_old"] == "PASSED"
    assert later[f"{A}test_two"] == "FAILED" and later[f"{A}test_known - reason"] == "XFAIL"
    with pytest.raises(TaskError, match="log_parser"):
        parser_of("parse_log_klingon")


def test_lists_of_a_run() -> None:
    statuses = {
        "p": "PASSED",
        "x": "XFAIL",
        "s": "SKIPPED",
        "f": "FAILED",
        "e": "ERROR",
        "t[a]": "PASSED",
        "t[b]": "FAILED",
    }
    names = ["p", "x", "s", "f", "e", "absent"]
    lists = test_lists(names, names, statuses)
    assert (lists.f2p_success, lists.p2p_success) == (("p", "x"), ("p", "x", "s"))
    assert (lists.f2p_failure, lists.p2p_failure) == (("s", "f", "e", "absent"), ("f", "e", "absent"))
    assert not lists.resolved and test_lists(["p"], ["s"], statuses).resolved
    assert test_lists(["t[a"], [], statuses).resolved
    assert not test_lists(["t["], [], statuses).resolved, "those that it stands for do not agree"
    assert not test_lists(["t"], [], statuses).resolved, "a whole id stands for itself"
    only = test_lists(names, [], statuses, eval_type="fail_only")
    assert only == TestLists(("p", "x", "s", "e", "absent"), ("f",), (), ())
