"""Project mode: each offline framework on a small exercise, right, wrong, broken, slow and cheating."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_envs import ConfigError, SandboxError
from forge_envs.code_contest.grading import workspace_opener
from forge_envs.code_contest.languages import find_tool
from forge_envs.code_contest.project.frameworks import FRAMEWORKS, framework_of
from forge_envs.code_contest.project.testing import ProjectResult, run_tests
from forge_envs.code_contest.task import Project

PYTHON = Project(
    "python",
    {"leap.py": "def leap(year):\n    pass\n"},
    ("leap.py",),
    {
        "leap_test.py": "import unittest\nfrom leap import leap\n\n\nclass LeapTest(unittest.TestCase):\n"
        "    def test_many(self):\n        for year, want in ((1900, False), (2000, True)):\n"
        "            with self.subTest(year):\n                self.assertEqual(leap(year), want)\n\n"
        "    def test_2023(self):\n        self.assertFalse(leap(2023))\n\n\n"
        "def test_plain():\n    assert leap(2024) is True\n"
    },
    {},
)
JAVASCRIPT = Project(
    "javascript",
    {"leap.js": "export const leap = (year) => { throw new Error('Remove this line'); };\n", "package.json": "{}"},
    ("leap.js",),
    {
        "leap.spec.js": "import { describe, expect, test, xtest } from '@jest/globals';\n"
        "import { leap } from './leap';\n\n"
        "describe('leap', () => {\n  test('1900', () => { expect(leap(1900)).toBe(false); });\n"
        "  xtest('2000', () => { expect(leap(2000)).toEqual(true); });\n"
        "  xtest.each([[2023, false], [2024, true]])('more', (year, want) => { expect(leap(year)).toBe(want); });\n"
        "  xtest('nothing', () => { expect(() => leap()).toThrow(new Error('no year')); });\n});\n"
    },
    {},
)
GO = Project(
    "go",
    {"leap.go": "package leap\n", "go.mod": "module leap\n\ngo 1.18\n"},
    ("leap.go",),
    {
        "leap_test.go": 'package leap\n\nimport "testing"\n\n'
        'func TestLeap(t *testing.T) {\n\tif !Leap(2000) || Leap(1900) {\n\t\tt.Fatal("wrong")\n\t}\n}\n\n'
        'func TestOther(t *testing.T) {\n\tif Leap(2023) {\n\t\tt.Error("2023")\n\t}\n}\n'
    },
    {},
)
RUST = Project(
    "rust",
    {
        "src/lib.rs": 'pub fn is_leap_year(year: u64) -> bool {\n    todo!("{year}");\n}\n',
        "Cargo.toml": '[package]\nname = "leap-year"\nversion = "0.1.0"\nedition = "2021"\n\n[dependencies]\n',
    },
    ("src/lib.rs",),
    {
        "tests/leap_year.rs": "use leap_year::*;\n\n#[test]\nfn test_2023() {\n    assert!(!is_leap_year(2023));\n}\n\n"
        "#[test]\n#[ignore]\nfn test_1900() {\n    assert_eq!(is_leap_year(1900), false);\n}\n\n"
        "#[test]\n#[ignore]\n#[should_panic]\nfn test_2000() {\n    assert!(!is_leap_year(2000));\n}\n"
    },
    {},
)
JAVA = Project(
    "java",
    {"src/main/java/Leap.java": "class Leap {\n}\n", "build.gradle": "plugins { id 'java' }\n"},
    ("src/main/java/Leap.java",),
    {
        "src/test/java/LeapTest.java": "import org.junit.jupiter.api.*;\nimport org.junit.jupiter.params.*;\n"
        "import org.junit.jupiter.params.provider.*;\nimport static org.assertj.core.api.Assertions.*;\n\n"
        "public class LeapTest {\n    private Leap leap;\n    @BeforeEach void setup() { leap = new Leap(); }\n"
        '    @Test @DisplayName("plain") void test1900() { assertThat(leap.isLeapYear(1900)).isFalse(); }\n'
        '    @Disabled("Remove to run test") @Test void test2023() { assertThat(leap.isLeapYear(2023)).isFalse(); }\n'
        "    @ParameterizedTest @ValueSource(ints = {2000, 2024}) void more(int year) {\n"
        "        assertThat(leap.isLeapYear(year)).isTrue();\n    }\n}\n"
    },
    {},
)
CASES = {
    "python": (
        PYTHON,
        "def leap(year):\n    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)\n",
        "def leap(year):\n    return year % 4 == 0\n",
        "def leap(year)\n",
        3,
    ),
    "javascript": (
        JAVASCRIPT,
        "export const leap = (year) => {\n  if (year === undefined) throw new Error('no year');\n"
        "  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);\n};\n",
        "export const leap = (year) => year % 4 === 0;\n",
        "export const leap = (year => ;\n",
        5,
    ),
    "go": (
        GO,
        "package leap\n\nfunc Leap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }\n",
        "package leap\n\nfunc Leap(year int) bool { return year%4 == 0 }\n",
        "package leap\n\nfunc Leap(year int) bool {\n",
        2,
    ),
    "rust": (
        RUST,
        "pub fn is_leap_year(year: u64) -> bool {\n    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)\n}\n",
        "pub fn is_leap_year(year: u64) -> bool {\n    year % 4 == 0\n}\n",
        "pub fn is_leap_year(year: u64) -> bool {\n",
        3,
    ),
    "java": (
        JAVA,
        "class Leap {\n    boolean isLeapYear(int y) { return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0); }\n}\n",
        "class Leap {\n    boolean isLeapYear(int y) { return y % 4 == 0; }\n}\n",
        "class Leap {\n    boolean isLeapYear(int y) { return }\n}\n",
        4,
    ),
}
BROKEN = {"python": "RE", "javascript": "RE", "go": "CE", "rust": "CE", "java": "CE"}


def _run(project: Project, text: str, **limits: float) -> ProjectResult:
    try:
        return run_tests(
            project,
            {project.editable[0]: text},
            project.public_tests,
            open_sandbox=workspace_opener(),
            time_limit_s=limits.get("time_limit_s", 60.0),
            memory_limit_mb=2048,
        )
    except SandboxError as error:
        pytest.skip(f"This machine allows no isolation: {error}")


@pytest.mark.parametrize("language", sorted(CASES))
def test_right_wrong_and_broken(language: str) -> None:
    if language != "python" and find_tool(FRAMEWORKS[language].tool) is None:
        pytest.skip(f"{FRAMEWORKS[language].tool} is not installed")
    if language == "java" and not Path("/usr/share/java/junit-platform-console.jar").exists():
        pytest.skip("junit5 is not installed")
    project, right, wrong, broken, count = CASES[language]
    result = _run(project, right)
    assert (result.verdict, result.passed, result.total) == ("AC", count, count), result.output
    result = _run(project, wrong)
    assert result.verdict == "WA" and 0 < result.passed < count
    assert _run(project, broken).verdict == BROKEN[language]
    assert _run(project, project.files[project.editable[0]]).verdict != "AC"


def test_an_endless_loop_ends() -> None:
    assert _run(PYTHON, "def leap(year):\n    while True: pass\n", time_limit_s=1.0).verdict == "TLE"


LIES = "    __eq__ = lambda self, other: True\n    __hash__ = object.__hash__\n\n\n"


@pytest.mark.parametrize(
    ("own", "value", "want", "verdict"),
    [
        (f"class Liar(int):\n{LIES}", "Liar(5)", "1", "WA"),
        (f"class Liar:\n{LIES}", "[Liar()]", "[1]", "WA"),
        (f"class Liar(str):\n{LIES}", "{'a': Liar('z')}", "{'a': 'q'}", "WA"),
        ("from collections import Counter\nfrom fractions import Fraction\n", "Fraction(2, 2)", "1", "AC"),
        ("from collections import Counter\n", "Counter('a')", "{'a': 1}", "AC"),
        ("from collections import namedtuple\nPair = namedtuple('Pair', 'x y')\n", "Pair(1, 2)", "(1, 2)", "AC"),
        ("class Own:\n    def __eq__(self, other): return type(other) is Own\n\n\n", "Own()", "answer.Own()", "AC"),
    ],
)
def test_a_value_that_compares_itself_says_nothing_about_plain_ones(
    own: str, value: str, want: str, verdict: str
) -> None:
    test = (
        "import unittest\nimport answer\n\n\nclass AnswerTest(unittest.TestCase):\n"
        f"    def test_answer(self):\n        self.assertEqual(answer.get(), {want})\n"
    )
    project = Project("python", {"answer.py": ""}, ("answer.py",), {"answer_test.py": test}, {})
    assert _run(project, f"{own}def get():\n    return {value}\n").verdict == verdict


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.parametrize(
    "text",
    [
        "process.exit(0);\n",
        "export const leap = () => 1;\nglobalThis.expect = () => new Proxy({}, { get: () => () => {} });\n",
        "import fs from 'node:fs';\nexport const leap = () => 1;\nfs.appendFileSync = () => {};\n",
    ],
)
def test_javascript_can_t_talk_its_way_out(text: str) -> None:
    assert _run(JAVASCRIPT, text).verdict in ("RE", "WA")


@pytest.mark.skipif(find_tool("rustc") is None, reason="rustc is not installed")
@pytest.mark.parametrize(
    "body",
    [
        "std::process::exit(0)",
        "std::process::abort()",
        '{ use std::io::Write; let _ = std::fs::write(".all.rs", "");\n'
        "      let mut out: std::fs::File = unsafe { std::os::fd::FromRawFd::from_raw_fd(1) };\n"
        '      for n in ["2023", "1900", "2000"] { let _ = write!(out, "ok\\ntest t102::test_{n} ... ok\\n"); }\n'
        '      let _ = write!(out, "end\\n"); std::process::exit(0) }',
    ],
)
def test_rust_can_t_talk_its_way_out(body: str) -> None:
    assert _run(RUST, f"pub fn is_leap_year(_: u64) -> bool {{\n    {body}\n}}\n").verdict in ("RE", "WA", "CE")


@pytest.mark.skipif(not Path("/usr/share/java/junit-platform-console.jar").exists(), reason="junit5 is not installed")
@pytest.mark.parametrize(
    "body",
    [
        "System.exit(0); return true;",
        "Runtime.getRuntime().halt(0); return true;",
        'try { java.nio.file.Files.writeString(java.nio.file.Path.of(".reports/TEST-junit-jupiter.xml"), '
        '"<testsuite tests=\\"1\\"><testcase classname=\\"LeapTest\\" name=\\"test1900()\\"/></testsuite>"); '
        "} catch (Exception e) { } Runtime.getRuntime().halt(0); return true;",
    ],
)
def test_java_can_t_talk_its_way_out(body: str) -> None:
    assert _run(JAVA, f"class Leap {{\n    boolean isLeapYear(int y) {{ {body} }}\n}}\n").verdict == "RE"


def test_what_is_printed_is_the_same_on_every_run() -> None:
    wrong = "def leap(year):\n    print(object())\n    return 0\n"
    first, second = _run(PYTHON, wrong), _run(PYTHON, wrong)
    assert (
        first == second and "FAIL: leap_test.LeapTest.test_many" in first.output and "has_to_fail" not in first.output
    )


CATCH = """<?xml version="1.0" encoding="UTF-8"?>
<Catch name=".run"><Group name=".run">
<TestCase name="adds" filename="a.cpp" line="3"><OverallResult success="true"/></TestCase>
<TestCase name="carries" filename="a.cpp" line="7"><Expression success="false" type="CHECK" filename="a.cpp" line="8">
<Original>1 == 2</Original><Expanded>1 == 2</Expanded></Expression><OverallResult success="false"/></TestCase>
</Group></Catch>"""


def test_reports_of_catch_and_go_are_read() -> None:
    report = FRAMEWORKS["cpp"].read(CATCH)
    assert report.tests == {"adds": True, "carries": False} and report.complete and report.loaded
    assert not FRAMEWORKS["cpp"].read(CATCH[:200]).complete and not FRAMEWORKS["cpp"].read("").complete
    events = '{"Action":"run","Test":"A"}\n{"Action":"pass","Test":"A"}\n{"Action":"fail","Test":"B"}\n'
    assert FRAMEWORKS["go"].read(events).tests == {"A": True, "B": False}
    assert not FRAMEWORKS["go"].read(events).complete and FRAMEWORKS["go"].read(events + '{"Action":"fail"}').complete


@given(st.text(max_size=100))
def test_any_text_can_be_a_report(text: str) -> None:
    for framework in FRAMEWORKS.values():
        assert not any(framework.read(text).tests.values())


def test_a_language_without_a_framework_says_so() -> None:
    with pytest.raises(ConfigError, match="No offline test framework for projects in 'cobol'"):
        framework_of("cobol")
    with pytest.raises(ConfigError, match="'cobol'"):
        _run(replace(PYTHON, language="cobol"), "")
