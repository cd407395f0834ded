"""Test logs to statuses, and statuses to the lists of a report, with swebench's verdicts.

The rules are those of swebench 5.0.2 (``swebench/harness/log_parsers/python.py`` and ``swebench/harness/grading.py``).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from forge_envs.core.errors import TaskError
from forge_envs.swe.task import EvalType

Statuses = dict[str, str]
STATUSES = ("FAILED", "PASSED", "SKIPPED", "ERROR", "XFAIL")
_GOOD = ("PASSED", "XFAIL")
_COUNT = re.compile(r"\[\d+\]\Z")
_OPTION = re.compile(r"(.*?)\[(.*)\]")
_CONTROLS = dict.fromkeys(range(1, 32))


@dataclass(frozen=True)
class TestLists:
    """Which of a task's tests did what they must, in the order of its row.

    Args:
        f2p_success: FAIL_TO_PASS tests that pass.
        f2p_failure: Those that do not.
        p2p_success: PASS_TO_PASS tests that still pass, or are skipped.
        p2p_failure: Those that do not.
    """

    __test__ = False  # for pytest, which collects classes by their name

    f2p_success: tuple[str, ...]
    f2p_failure: tuple[str, ...]
    p2p_success: tuple[str, ...]
    p2p_failure: tuple[str, ...]

    @property
    def resolved(self) -> bool:
        """Whether nothing failed."""
        return not self.f2p_failure and not self.p2p_failure


def reported(log: str) -> list[tuple[str, str]]:
    """Every (test, status) that a line of pytest's summary states, in order; a test may occur more than once."""
    found = []
    for line in log.split("\n"):
        if line.startswith(STATUSES):
            words = (line.replace(" - ", " ") if line.startswith("FAILED") else line).split()
            if len(words) > 1 and not _is_count(words[0], words[1]):
                found.append((words[1], words[0]))
    return found


def parse_pytest(log: str) -> Statuses:
    """The status of each test of a ``pytest -rA`` log; ids end at the first space, the last line wins."""
    return dict(reported(log))


def parse_pytest_options(log: str) -> Statuses:
    """As `parse_pytest`, but a parameter that is an absolute path is cut to its last part."""
    return {_short_option(test): status for test, status in reported(log)}


def parse_pytest_v2(log: str) -> Statuses:
    """As `parse_pytest`, for coloured logs, for ids with spaces, and for lines that end with the status."""
    found: Statuses = {}
    for raw in log.split("\n"):
        line = re.sub(r"\[(\d+)m", "", raw).translate(_CONTROLS)
        if line.startswith(STATUSES):
            words = (line.split(" - ", 1)[0] if line.startswith("FAILED") else line).split()
            if len(words) > 1 and not _is_count(words[0], words[1]):
                found[" ".join(words[1:])] = words[0]
        elif line.endswith(STATUSES) and len(words := line.split()) > 1:
            found[" ".join(words[:-1])] = words[-1]
    return found


PARSERS: dict[str, Callable[[str], Statuses]] = {
    **{
        f"parse_log_{name}": parse_pytest
        for name in "pytest astroid flask marshmallow pvlib pyvista sqlfluff xarray".split()
    },
    **{f"parse_log_{name}": parse_pytest_options for name in "pytest_options pydicom requests pylint".split()},
    **{f"parse_log_{name}": parse_pytest_v2 for name in "pytest_v2 astropy scikit sphinx".split()},
}
"""Log parsers by swebench's names."""


def parser_of(name: str) -> Callable[[str], Statuses]:
    """The parser of that name.

    Raises:
        TaskError: There is none.
    """
    if name not in PARSERS:
        raise TaskError(f"log_parser: {name!r} is not supported; supported are {sorted(PARSERS)}.")
    return PARSERS[name]


def test_lists(
    fail_to_pass: Sequence[str],
    pass_to_pass: Sequence[str],
    statuses: Mapping[str, str],
    *,
    eval_type: EvalType = "pass_and_fail",
) -> TestLists:
    """Sort a task's tests by what the log says.

    A test that is absent has failed (``pass_and_fail``). A skipped test of PASS_TO_PASS is fine, one of FAIL_TO_PASS is
    not. An id that was cut within its parameters stands for all that begin with it, if they agree.

    Args:
        fail_to_pass: Ids.
        pass_to_pass: Ids.
        statuses: Of a parser.
        eval_type: See `SWETask`.
    """

    def status(test: str) -> str | None:
        if test in statuses:
            return statuses[test]
        if test.count("[") > test.count("]"):
            found = [s for name, s in statuses.items() if name.startswith(test)]
            if len({s in _GOOD for s in found}) == 1:
                return found[0]
        return None

    def good(test: str, also: tuple[str, ...]) -> bool:
        if eval_type == "fail_only":
            return statuses.get(test) != "FAILED"
        return status(test) in (*_GOOD, *also)

    f2p = {test: good(test, ()) for test in fail_to_pass}
    p2p = {test: good(test, ("SKIPPED",)) for test in pass_to_pass}
    return TestLists(
        tuple(t for t in fail_to_pass if f2p[t]),
        tuple(t for t in fail_to_pass if not f2p[t]),
        tuple(t for t in pass_to_pass if p2p[t]),
        tuple(t for t in pass_to_pass if not p2p[t]),
    )


test_lists.__test__ = False  # type: ignore[attr-defined]


def _is_count(status: str, name: str) -> bool:
    """``SKIPPED [2] file:line: reason`` counts tests and names none."""
    return status == "SKIPPED" and bool(_COUNT.match(name))


def _short_option(test: str) -> str:
    found = _OPTION.search(test)
    if found is None:
        return test
    main, option = found.groups()
    if option.startswith("/") and not option.startswith("//") and "*" not in option:
        option = "/" + option.split("/")[-1]
    return f"{main}[{option}]"
