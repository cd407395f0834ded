"""Running a project's tests in a `workspace` sandbox, and saying what a submission is worth."""

import ast
import os
import re
import secrets
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from forge_envs.code_contest.languages import find_tool
from forge_envs.code_contest.project.frameworks import FAILS, Report, framework_of, runner_source, with_canaries
from forge_envs.code_contest.task import Project
from forge_envs.code_contest.verdict import Code
from forge_envs.core.errors import ConfigError, GraderError
from forge_envs.sandbox.base import ExecResult, Limits, Sandbox

OpenSandbox = Callable[[], Sandbox]
MAX_REPORT = 8 * 2**20
MISSING_TOOL = 97
MARKS = {"rust": r"#\[test\]", "java": r"@Test\b"}
"""What stands before each test."""
_TIMES = re.compile(r" ?\(?\b(\d+\.\d+ ?s|\d+ ms)\b\)?")
_BLOCK = re.compile(r"(?m)^(?=FAIL: |ERROR: |--- FAIL: |---- |  JUnit Jupiter:|failures:|Test run finished)")
"""Where the account of a failed test begins, or what follows the last one."""
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")


@dataclass(frozen=True)
class ProjectResult:
    """What running the tests of a project gave.

    Args:
        verdict: `AC` if every test passed; `WA`: some failed; `RE`: the tests did not come to their end; `CE`: the
            build failed; a limit's verdict.
        passed: How many tests passed.
        total: How many ran.
        output: What the framework and the program printed, without times and addresses.
    """

    verdict: Code
    passed: int
    total: int
    output: str


def run_tests(
    project: Project,
    edited: Mapping[str, str],
    tests: Mapping[str, str],
    *,
    open_sandbox: OpenSandbox,
    time_limit_s: float,
    memory_limit_mb: int,
) -> ProjectResult:
    """Run test files against a project in a fresh sandbox.

    Files that the agent may not change are those of the task, whatever was handed in. Pairs of our own tests run
    among them: where one that has to fail is told to pass, or is missing, the report is not believed.

    Args:
        project: The exercise.
        edited: The files that the agent changed.
        tests: The test files.
        open_sandbox: Opens a `workspace` sandbox.
        time_limit_s: CPU seconds of the whole run; the clock has three times that, and ten seconds.
        memory_limit_mb: MiB of the whole run.

    Raises:
        SandboxError: The sandbox failed.
        ConfigError: The language has no offline framework, or its tool is not installed.
    """
    framework = framework_of(project.language)
    word = f"c{secrets.token_hex(6)}"
    canaries, order = with_canaries(framework, word, tests)
    report, runner = f".{secrets.token_hex(8)}", f".{secrets.token_hex(8)}.{framework.runner.rpartition('.')[2]}"
    held = {**project.files, **{p: t for p, t in edited.items() if p in project.editable}, **tests, **canaries}
    real = find_tool(framework.tool)  # what is in PATH may be a link by way of folders that no sandbox sees
    folder = f":{os.path.dirname(real)}" if real else ""
    with_tool = f"PATH=$PATH{shlex.quote(folder)}; command -v {framework.tool} >/dev/null || exit {MISSING_TOOL}; "
    with_tool += framework.command
    sandbox = open_sandbox()
    try:
        base = sandbox.spec.workdir
        for path, text in held.items():
            sandbox.write(f"{base}/{path}", text.encode(errors="replace"))
        if framework.runner:
            sandbox.write(f"{base}/{runner}", runner_source(framework.runner).encode())
        result = sandbox.run(
            with_tool.replace("{runner}", runner).replace("{report}", report),
            stdin="\n".join([report, *order]).encode(),
            limits=Limits(cpu_s=time_limit_s, wall_s=3 * time_limit_s + 10, memory_mb=memory_limit_mb),
            merge_output=True,
        )
        if result.exit_code == MISSING_TOOL:
            needed = framework.tool + (f" with {framework.needs}" if framework.needs else "")
            raise ConfigError(f"Projects in {project.language!r} need {needed}, which is not installed here.")
        try:
            text = sandbox.read(f"{base}/{report}", limit=MAX_REPORT).decode(errors="replace")
        except FileNotFoundError:
            text = ""
    finally:
        sandbox.close()
    verdict, shown = _verdict(result, framework.read(text), word, project, tests)
    return ProjectResult(
        verdict,
        sum(shown.values()),
        len(shown),
        _clean(result.stdout, word).replace(runner, "tests").replace(report, "report"),
    )


def _verdict(
    result: ExecResult, report: Report, word: str, project: Project, tests: Mapping[str, str]
) -> tuple[Code, dict[str, bool]]:
    canaries = {name: ok for name, ok in report.tests.items() if word in name}
    shown = {name: ok for name, ok in report.tests.items() if word not in name}
    limits: dict[str, Code] = {"cpu_limit": "TLE", "wall_limit": "TLE", "memory_limit": "MLE", "output_limit": "OLE"}
    if result.ended in limits:
        return limits[result.ended], shown
    if result.exit_code == 99:
        return "CE", shown
    # A pair for each test file and one more: each has one test that passes and one that fails.
    honest = len(canaries) == 2 * (len(tests) + 1) and all(ok != (FAILS in name) for name, ok in canaries.items())
    if not report.loaded or not report.complete or not honest:
        return "RE", {name: False for name in shown}
    if len(shown) < _least(project.language, tests):
        return "RE", shown
    return "AC" if all(shown.values()) else "WA", shown


def _least(language: str, tests: Mapping[str, str]) -> int:
    """How many tests there have to be at least: those that can be counted in the text."""
    if language in MARKS:
        return max(1, sum(len(re.findall(MARKS[language], text)) for text in tests.values()))
    if language != "python":
        return 1
    count = 0
    for path, text in tests.items():
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise GraderError(f"The test file {path} can't be read: {error}") from error
        for node in tree.body:
            inside = node.body if isinstance(node, ast.ClassDef) else [node]
            count += len({n.name for n in inside if isinstance(n, ast.FunctionDef) and n.name.startswith("test")})
    return max(count, 1)


def _clean(output: bytes, word: str) -> str:
    """The output as the agent may see it: the same on every run, and without our own tests."""
    text = output.decode(errors="replace")
    first, *blocks = _BLOCK.split(text)
    kept = first + "".join(b for b in blocks if word not in b.partition("\n")[0])
    kept = "".join(line for line in kept.splitlines(keepends=True) if word not in line)
    return _ADDRESS.sub("0x…", _TIMES.sub("", kept)).strip()
