"""Agreement with swebench 5.0.2 on generated logs.

Needs a Python that has it, named by the environment variable FORGE_SWEBENCH_PYTHON:

    python -m venv oracle && oracle/bin/pip install swebench==5.0.2
"""

import os
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from swebench_logs import LOGS, lines_of
from swebench_oracle import REASON, Oracle, oracle_python

from forge_envs.core.errors import TaskError
from forge_envs.swe.logs import BY_NUMBER, BY_VERSION, PARSERS, STATUSES, parser_of, test_lists

pytestmark = pytest.mark.skipif(oracle_python() is None, reason=REASON)
ROUNDS = int(os.environ.get("FORGE_SWEBENCH_ROUNDS", "50"))
"""Logs for each parser."""

FUZZ = settings(max_examples=ROUNDS, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
NAMES = sorted({*PARSERS, *BY_NUMBER, *BY_VERSION})
DIFFERENT = sorted({id(PARSERS.get(name, name)): name for name in NAMES}.values())
VERSIONS = {"parse_log_lighthouse": ("2.7", "4.1", "9.5", "11.0"), "parse_log_next": ("1.27", "1.0")}
NUMBERS = {"parse_log_jekyll": ("9141", "8771"), "parse_log_immutable_js": ("2005", "2006")}


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    one = Oracle()
    yield one
    one.close()


def _agree(oracle: Oracle, name: str, log: str) -> dict[str, str] | None:
    most = None
    for number, version in product(NUMBERS.get(name, ("1",)), VERSIONS.get(name, ("",))):
        row = {"instance_id": f"jekyll__jekyll-{number}", "version": version}
        theirs = oracle.ask("parse", name=name, log=log, row=row)
        ours = parser_of(name, row["instance_id"], version)(log)
        assert theirs is None or ours == theirs, (name, version, log)
        most = most or theirs
    return most


def test_every_name_is_read(oracle: Oracle) -> None:
    known = oracle.ask("names")
    assert known == NAMES
    with pytest.raises(TaskError, match="log_parser"):
        parser_of("parse_log_klingon")


@pytest.mark.parametrize("name", NAMES)
def test_real_logs(oracle: Oracle, name: str) -> None:
    for log in LOGS.values():
        _agree(oracle, name, log)


@pytest.mark.parametrize("name", DIFFERENT)
def test_fuzzed_logs(oracle: Oracle, name: str) -> None:
    found = []

    @FUZZ
    @given(lines_of(name))
    def fuzz(log: str) -> None:
        found.append(_agree(oracle, name, log))

    fuzz()
    assert sum(map(bool, found)) >= 3, "too few logs state a test"


IDS = st.sampled_from(["a", "b", "t[x", "t[x]", "t[x y]", "t[", "t[z]"])


def test_verdicts(oracle: Oracle) -> None:
    @FUZZ
    @given(
        st.dictionaries(IDS, st.sampled_from(STATUSES)),
        st.lists(IDS, unique=True),
        st.lists(IDS, unique=True),
        st.sampled_from(["pass_and_fail", "fail_only"]),
    )
    def fuzz(statuses: dict[str, str], f2p: list[str], p2p: list[str], eval_type: Any) -> None:
        theirs = oracle.ask("lists", statuses=statuses, f2p=f2p, p2p=p2p, eval_type=eval_type)
        ours = test_lists(f2p, p2p, statuses, eval_type=eval_type)
        assert list(ours.f2p_success) == theirs["FAIL_TO_PASS"]["success"]
        assert list(ours.f2p_failure) == theirs["FAIL_TO_PASS"]["failure"]
        assert list(ours.p2p_success) == theirs["PASS_TO_PASS"]["success"]
        assert list(ours.p2p_failure) == theirs["PASS_TO_PASS"]["failure"]

    fuzz()
