"""The repository as it is: which tests pass every time, and which of them run which lines."""

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from forge_envs.core.errors import TaskError
from forge_envs.sandbox.base import Limits
from forge_envs.swe.logs import parse_pytest
from forge_envs.swe.synthesis.meter import Meter
from forge_envs.swe.synthesis.project import Project, is_test
from forge_envs.swe.synthesis.runner import Outcome, Run, Runner
from forge_envs.swe.synthesis.source import read_source
from forge_envs.swe.synthesis.unsteady import unsteady_tests
from forge_envs.swe.workspace import TESTBED, Site

SUITE_S = 900.0
"""CPU seconds that a whole suite may take, traced."""


@dataclass(frozen=True)
class Baseline:
    """What the unchanged repository does.

    Args:
        stable: Tests that passed every time, in order; their ids have no spaces, where the log parsers cut them.
        others: Tests that can't decide: they fail, are skipped, differ between runs, ask for the time or for chance, or
            have a space in the id.
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


def measure_baseline(
    project: Project, site: Site, runner: Runner, meter: Meter, *, runs: int, workers: int
) -> Baseline:
    """Run the whole suite, once traced and the other times by its command in a workspace of its own.

    Raises:
        TaskError: No test passes every time; SandboxError: the sandbox failed.
    """
    plain = Run({}, (), cpu_s=SUITE_S, cover=False, warm=True)
    traced = Run({}, (), cpu_s=SUITE_S, cover=True, warm=True)
    timed, covered = runner.run([plain, traced])
    if timed.ended != "exited" or covered.ended != "exited":
        raise TaskError(f"The suite of {project.name} did not come to its end: {timed.ended}, traced {covered.ended}.")
    try:
        learned = _learned(timed, covered)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise TaskError(f"The suite of {project.name} interferes with what is learned of its run.") from error
    for name, where in learned.elsewhere.items():
        raise TaskError(
            f"{name!r} of {project.name} is also installed in the Python of the tests ({where[:300]}), where they could"
            " import it instead of the repository's and agents could read the repair: give --python a virtual"
            " environment that has what the project needs but not the project (what pytest itself needs can't be used)."
        )
    passed = _passed(timed.outcomes) & _passed(covered.outcomes)
    # Beside each other, so that tests that need a machine of their own show it.
    with ThreadPoolExecutor(workers) as pool:
        for one in pool.map(lambda _: _by_command(project, site, meter), range(max(runs - 2, 0))):
            passed &= one
    usable = _usable(project)
    order = [test for test in timed.outcomes if test in passed and _decides(test, usable)]
    if not order:
        raise TaskError(f"No test of {project.name} passes every time, so no task can be made of it.")
    held = frozenset(order)
    lines = {
        path: {line: tests & held for line, tests in of_file.items()}
        for path, of_file in learned.lines.items()
        if path in project.sources
    }
    seconds = {test: learned.seconds.get(test, 0.0) for test in order}
    return Baseline(tuple(order), frozenset(timed.outcomes) - held, seconds, lines, learned.modules)


@dataclass(frozen=True)
class _Learned:
    """What the sandbox says besides outcomes, in the right types."""

    seconds: Mapping[str, float]
    lines: Mapping[str, Mapping[int, frozenset[str]]]
    modules: tuple[str, ...]
    elsewhere: Mapping[str, str]


def _learned(timed: Outcome, covered: Outcome) -> _Learned:
    cover = covered.found["cover"]
    names = [str(test) for test in cover["tests"]]
    lines = {
        str(path): {int(line): frozenset(names[number] for number in found) for line, found in of_file.items()}
        for path, of_file in cover["lines"].items()
    }
    seconds = {str(test): float(s) if 0 <= s <= SUITE_S else SUITE_S for test, s in timed.found["seconds"].items()}
    modules = tuple(name for name in covered.found["modules"] if name in sys.stdlib_module_names)
    elsewhere = {str(name): str(where) for name, where in covered.found["elsewhere"].items()}
    return _Learned(seconds, lines, modules, elsewhere)


def _passed(outcomes: Mapping[str, str]) -> frozenset[str]:
    return frozenset(test for test, status in outcomes.items() if status == "PASSED")


def _decides(test: str, usable: Mapping[str, frozenset[str]]) -> bool:
    path, _, inside = test.partition("::")
    name = inside.partition("[")[0].replace("::", ".")
    return bool(name) and test.isprintable() and " " not in test and path in usable and name not in usable[path]


def _usable(project: Project) -> dict[str, frozenset[str]]:
    """Test files that can be read, and so be changed, each with the tests that are not to be relied on."""
    read = (read_source(path, content) for path, content in project.files.items() if is_test(path))
    return {source.path: unsteady_tests(source) for source in read if source is not None}


def _by_command(project: Project, site: Site, meter: Meter) -> frozenset[str]:
    limits = Limits(cpu_s=SUITE_S, wall_s=3 * SUITE_S, memory_mb=4096, processes=512)
    with meter.open(site) as workspace:
        command = f"{project.command} --continue-on-collection-errors"
        done = workspace.run(command, limits=limits, cwd=TESTBED, merge_output=True)
    return _passed(parse_pytest(done.stdout.decode(errors="replace")))
