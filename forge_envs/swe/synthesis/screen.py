"""The quick half of a candidate's way: does it break some tests, the same ones each time, and can they be hidden?"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forge_envs.swe.synthesis.baseline import Baseline
from forge_envs.swe.synthesis.candidates import Candidate
from forge_envs.swe.synthesis.hidden import without_tests
from forge_envs.swe.synthesis.runner import Outcome, Run, Runner

DETAILS = 12
"""Failures that are described, for the issue."""


@dataclass(frozen=True)
class Screened:
    """What came of a candidate.

    Args:
        reason: Why it is no task; an empty text where it may be one.
        broken: Stable tests that fail.
        files: The test files that the task runs.
        failures: How some of them fail.
    """

    reason: str
    broken: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    failures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def screen(
    candidates: Sequence[Candidate], baseline: Baseline, runner: Runner, files: Mapping[str, bytes], *, checks: int
) -> list[Screened]:
    """Run candidates, first the tests of the changed lines until one fails, then all of their files `checks` times.

    Args:
        candidates: Of one repository.
        baseline: What it does unchanged.
        runner: Holds it.
        files: Its Python files.
        checks: How often the tests run.
    """
    places = [tuple(sorted({test.partition("::")[0] for test in one.tests})) for one in candidates]
    quick = runner.run(
        [
            Run(one.files, place, sorted(one.tests), _seconds(baseline, one.tests), stop=True)
            for one, place in zip(candidates, places, strict=True)
        ]
    )
    found = {number: Screened(reason) for number, out in enumerate(quick) if (reason := _unfit(out))}
    left = [number for number in range(len(candidates)) if number not in found]
    whole = [Run(candidates[n].files, places[n], None, _all(baseline, places[n]), detail=DETAILS) for n in left]
    outs = runner.run([run for run in whole for _ in range(checks)]) if left else []
    visible: list[tuple[int, Run]] = []
    for index, number in enumerate(left):
        place = places[number]
        found[number] = _judged(outs[index * checks : (index + 1) * checks], baseline, place)
        if not found[number].reason:
            seen = {**candidates[number].files, **without_tests(files, found[number].broken)}
            shown = [path for path in place if seen.get(path, b"") is not None]
            if shown:
                visible.append((number, Run(seen, shown, None, _all(baseline, place))))
    for (number, _), out in zip(visible, runner.run([run for _, run in visible]) if visible else [], strict=True):
        if out.ended != "exited" or out.uncollected or out.broken & frozenset(baseline.stable):
            found[number] = Screened("the tests that are left fail")
    return [found[number] for number in range(len(candidates))]


def _unfit(out: Outcome) -> str:
    if out.ended != "exited":
        return {"timeout": "timeout", "died": "the interpreter died"}.get(out.ended, "no result")
    if out.uncollected:
        return "breaks the import"
    return "" if out.broken else "no test fails"


def _judged(outs: Sequence[Outcome], baseline: Baseline, place: tuple[str, ...]) -> Screened:
    for out in outs:
        if reason := _unfit(out):
            return Screened(reason)
    held = baseline.in_files(place)
    broken = [tuple(test for test in held if out.outcomes.get(test) != "PASSED") for out in outs]
    if any(one != broken[0] for one in broken):
        return Screened("not the same each time")
    if not broken[0]:
        return Screened("no test fails")
    if len(broken[0]) == len(held) or 2 * len(broken[0]) > len(baseline.stable):
        return Screened("breaks nearly all tests")
    return Screened("", broken[0], place, {test: outs[0].failures.get(test, {}) for test in broken[0][:DETAILS]})


def _seconds(baseline: Baseline, tests: frozenset[str]) -> float:
    return math.ceil(5 + 5 * sum(baseline.seconds.get(test, 0.0) for test in tests))


def _all(baseline: Baseline, place: Sequence[str]) -> float:
    files = set(place)
    return math.ceil(8 + 5 * sum(s for test, s in baseline.seconds.items() if test.partition("::")[0] in files))
