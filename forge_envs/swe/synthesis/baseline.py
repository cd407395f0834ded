"""The repository as it is: which tests pass every time, and which of them run which lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from forge_envs.core.errors import TaskError
from forge_envs.sandbox.base import Limits
from forge_envs.swe.logs import parse_pytest
from forge_envs.swe.synthesis.meter import Meter
from forge_envs.swe.synthesis.project import Project, is_test
from forge_envs.swe.synthesis.runner import Run, Runner
from forge_envs.swe.workspace import TESTBED, Site

SUITE_S = 900.0
"""CPU seconds that a whole suite may take, traced."""


@dataclass(frozen=True)
class Baseline:
    """What the unchanged repository does.

    Args:
        stable: Tests that passed every time, in order; their ids have no spaces, where the log parsers cut them.
        others: Tests that can't decide: they fail, are skipped, differ between runs, or have a space in the id.
        seconds: How long each test took.
        lines: The tests that run a line, by file and line.
        modules: Of the standard library that the suite imports.
    """

    stable: tuple[str, ...]
    others: frozenset[str]
    seconds: Mapping[str, float]
    lines: Mapping[str, Mapping[int, frozenset[str]]]
    modules: tuple[str, ...]

    def tests_of(self, path: str, lines: frozenset[int]) -> frozenset[str]:
        """Stable tests that run one of the lines."""
        held = self.lines.get(path, {})
        return frozenset(test for line in lines for test in held.get(line, ()))

    def in_files(self, files: Sequence[str]) -> list[str]:
        """Stable tests of test files, in order."""
        return [test for test in self.stable if test.partition("::")[0] in files]


def measure_baseline(project: Project, site: Site, runner: Runner, meter: Meter, *, runs: int) -> Baseline:
    """Run the whole suite, once traced and the other times by its command in a workspace of its own.

    Raises:
        TaskError: No test passes every time; SandboxError: the sandbox failed.
    """
    plain = Run({}, (), cpu_s=SUITE_S, cover=False, warm=True)
    traced = Run({}, (), cpu_s=SUITE_S, cover=True, warm=True)
    timed, covered = runner.run([plain, traced])
    cover = covered.found.get("cover")
    if not cover or timed.ended != "exited":
        raise TaskError(f"The suite of {project.name} did not come to its end: {timed.ended}, traced {covered.ended}.")
    names = [str(test) for test in cover["tests"]]
    passed = _passed(timed.outcomes) & _passed(covered.outcomes)
    for _ in range(max(runs - 2, 0)):
        passed &= _by_command(project, site, meter)
    order = [test for test in timed.outcomes if test in passed and _decides(test)]
    if not order:
        raise TaskError(f"No test of {project.name} passes every time, so no task can be made of it.")
    held = frozenset(order)
    lines = {
        path: {int(line): frozenset(names[number] for number in found) & held for line, found in of_file.items()}
        for path, of_file in cover["lines"].items()
        if not is_test(path)
    }
    modules = tuple(map(str, covered.found.get("modules", ())))
    return Baseline(tuple(order), frozenset(timed.outcomes) - held, timed.found.get("seconds", {}), lines, modules)


def _passed(outcomes: Mapping[str, str]) -> frozenset[str]:
    return frozenset(test for test, status in outcomes.items() if status == "PASSED")


def _decides(test: str) -> bool:
    path = test.partition("::")[0]
    return " " not in test and "::" in test and path.endswith(".py") and is_test(path)


def _by_command(project: Project, site: Site, meter: Meter) -> frozenset[str]:
    limits = Limits(cpu_s=SUITE_S, wall_s=3 * SUITE_S, memory_mb=4096, processes=512)
    with meter.open(site) as workspace:
        command = f"{project.command} --continue-on-collection-errors"
        done = workspace.run(command, limits=limits, cwd=TESTBED, merge_output=True)
    return _passed(parse_pytest(done.stdout.decode(errors="replace")))
