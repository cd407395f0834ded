"""Statuses to the lists of a report, with swebench's verdicts (``swebench/harness/grading.py`` of 5.0.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from forge_envs.swe.task import EvalType

_GOOD = ("PASSED", "XFAIL")


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
