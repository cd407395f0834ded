"""The offline test framework of each language: what is run, and how its report is read."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree

from forge_envs.core.errors import ConfigError


@dataclass(frozen=True)
class Report:
    """What a framework said.

    Args:
        tests: Name of each test and whether it passed.
        loaded: No test file failed to load or to compile.
        complete: The framework came to its end.
    """

    tests: Mapping[str, bool]
    loaded: bool
    complete: bool


@dataclass(frozen=True)
class Framework:
    """How tests of one language are run, with nothing from a network.

    Args:
        tool: The program that has to be there; the command exits with 97 where something else is missing.
        runner: File of ours that the run needs, in `runners/`; empty for none.
        command: Script to run; `{report}` and `{tests}` are filled in. It exits with 99 where the build failed.
        read: The report's text to what it says.
        canary: A test file that holds a test that passes and one that fails, from a random word and a test of the
            project: a submission that reports what it likes reports the failing one wrong.
        needs: What to install, where that is more than the tool.
    """

    tool: str
    runner: str
    command: str
    read: Callable[[str], Report]
    canary: Callable[[str, Mapping[str, str]], tuple[str, str]]
    needs: str = ""


def framework_of(language: str) -> Framework:
    """The framework of a language.

    Raises:
        ConfigError: There is none that works offline.
    """
    if language not in FRAMEWORKS:
        raise ConfigError(f"No offline test framework for projects in {language!r}: there are {sorted(FRAMEWORKS)}.")
    return FRAMEWORKS[language]


def runner_source(name: str) -> str:
    """The text of a file in `runners/`."""
    return (files(__package__) / "runners" / name).read_text(encoding="utf-8")


def _json_lines(text: str) -> Report:
    """The report of our own runners."""
    tests: dict[str, bool] = {}
    loaded, complete = True, False
    for line in filter(None, text.split("\n")):
        entry = _object(line)
        if entry is None:
            return Report(tests, loaded, False)
        if "test" in entry:
            name = str(entry["test"])
            tests[name] = entry.get("ok") is True and tests.get(name, True)
        loaded = loaded and "load" not in entry
        complete = "end" in entry
    return Report(tests, loaded, complete)


def _go_events(text: str) -> Report:
    """`go test -json` (cmd/test2json): one event on each line."""
    tests: dict[str, bool] = {}
    complete, loaded = False, True
    for line in filter(None, text.split("\n")):
        event = _object(line)
        if event is None:
            loaded = False  # the build's messages are plain text
        elif event.get("Action") in ("pass", "fail"):
            if "Test" in event:
                tests[str(event["Test"])] = event["Action"] == "pass"
            else:
                complete = True
    return Report(tests, loaded or bool(tests), complete)


def _rust_lines(text: str) -> Report:
    """What libtest prints with one thread, and the line that our command adds when it came to its end."""
    tests: dict[str, bool] = {}
    count = 0
    for name, end in re.findall(r"(?m)^test (\S+)(?: - should panic)? \.\.\. (ok|FAILED)$", text):
        tests[name] = end == "ok" and tests.get(name, True)
        count += 1
    announced = re.findall(r"(?m)^running (\d{1,6}) tests?$", text)
    return Report(tests, True, announced == [f"{count}"] and text.endswith("\nend\n"))


def _object(line: str) -> dict[str, Any] | None:
    """A line of a report, which a submission may have written: an object, or None."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _xml(text: str) -> ElementTree.Element | None:
    """A document without a type: no framework writes one; a submission might, to make the reader work."""
    if "<!" in text.replace("<![CDATA[", ""):
        return None
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return None


def _catch_xml(text: str) -> Report:
    """Catch2's `xml` reporter."""
    root = _xml(text)
    if root is None:
        return Report({}, True, False)
    tests = {
        case.get("name", ""): result.get("success") == "true"
        for case in root.iter("TestCase")
        for result in case.iter("OverallResult")
    }
    return Report(tests, True, True)


def _junit_xml(text: str) -> Report:
    """The report of JUnit's console launcher, in the format of Ant."""
    root = _xml(text)
    if root is None:
        return Report({}, True, False)
    cases = list(root.iter("testcase"))
    tests: dict[str, bool] = {}
    for case in cases:
        name = f"{case.get('classname')}.{case.get('name')}"
        passed = not any(child.tag in ("failure", "error", "skipped") for child in case)
        tests[name] = passed and tests.get(name, True)
    return Report(tests, True, root.get("tests") == f"{len(cases)}")


def _python_canary(word: str, tests: Mapping[str, str]) -> tuple[str, str]:
    body = f"    def test_passes(self):\n        self.assertEqual(2, 1 + 1)\n\n    def {FAILS}(self):\n"
    return f"test_{word}.py", (
        f"import unittest\n\n\nclass T{word}(unittest.TestCase):\n{body}        self.assertEqual(3, 1 + 1)\n"
    )


def _javascript_canary(word: str, tests: Mapping[str, str]) -> tuple[str, str]:
    return f"{word}.spec.js", (
        f"describe('T{word}', () => {{\n  test('test_passes', () => expect(1 + 1).toEqual(2));\n"
        f"  test('{FAILS}', () => expect(1 + 1).toEqual(3));\n}});\n"
    )


def _go_canary(word: str, tests: Mapping[str, str]) -> tuple[str, str]:
    package = next((found[1] for text in tests.values() if (found := re.search(r"(?m)^package (\w+)", text))), "main")
    return f"{word}_test.go", (
        f'package {package}\n\nimport "testing"\n\nfunc TestPasses{word}(t *testing.T) {{}}\n\n'
        f'func TestCanary{word}_{FAILS}(t *testing.T) {{ t.Error("it has to") }}\n'
    )


def _cpp_canary(word: str, tests: Mapping[str, str]) -> tuple[str, str]:
    includes = [line for text in tests.values() for line in re.findall(r"(?m)^#include .*catch.*$", text)]
    include = includes[-1] if includes else '#include "test/catch.hpp"'
    return f"{word}_canary.cpp", (
        f'{include}\nTEST_CASE("T{word} passes") {{ CHECK(1 + 1 == 2); }}\n'
        f'TEST_CASE("T{word} {FAILS}") {{ CHECK(1 + 1 == 3); }}\n'
    )


def _rust_canary(word: str, tests: Mapping[str, str]) -> tuple[str, str]:
    return f"{word}.rs", (
        f"#[test]\nfn passes_{word}() {{}}\n\n#[test]\nfn {FAILS}_{word}() {{\n    assert_eq!(3, 1 + 1);\n}}\n"
    )


def _java_canary(word: str, tests: Mapping[str, str]) -> tuple[str, str]:
    return f"src/test/java/T{word}.java", (
        f"import org.junit.jupiter.api.*;\n\nclass T{word} {{\n"
        "    @Test void passes() { Assertions.assertEquals(2, 1 + 1); }\n"
        f"    @Test void {FAILS}() {{ Assertions.assertEquals(3, 1 + 1); }}\n}}\n"
    )


FAILS = "test_has_to_fail"
"""In the name of the canary that fails."""

_CPP_BUILD = (
    "g++ -std=c++17 -O1 -w -fmax-errors=10 -DEXERCISM_RUN_ALL_TESTS -I. $(find . -name '*.cpp') -o .run 1>&2 || exit 99"
)

# What `cargo test -- --include-ignored` does for a package without crates, in one program, so that canaries run beside
# the tests. It runs tests by name, which the modules' numbers put in the order of the files.
_RUST = r"""
field() { sed -n '/^\[package\]/,/^\[[^p]/s/^'$1' *= *"\(.*\)".*/\1/p' Cargo.toml | head -n 1; }
name=$(field name | tr - _); edition=$(field edition)
options="--edition ${edition:-2015} -A warnings -C debug-assertions"
rustc $options --crate-type rlib --crate-name "$name" -o "lib$name.rlib" src/lib.rs 1>&2 || exit 99
number=100; read -r _
while read -r file || [ -n "$file" ]; do
  number=$((number + 1)); printf '#[path = "%s"]\nmod t%s;\n' "$file" "$number"
done > .all.rs
rustc $options --test --crate-name all --extern "$name=lib$name.rlib" -o .run .all.rs 1>&2 || exit 99
./.run --include-ignored --test-threads=1 > {report}; code=$?
cat {report} 1>&2
case $code in 0|101) echo end >> {report};; esac
"""

# The jars are where Debian's packages put them. Exercism disables all tests but the first; here every one runs.
_JAVA = r"""
jars=""
for name in junit-jupiter-api junit-jupiter-engine junit-jupiter-params junit-platform-commons junit-platform-engine \
    junit-platform-launcher junit-platform-reporting junit-platform-console opentest4j open-test-reporting-events \
    open-test-reporting-schema opentest4j-reporting-events opentest4j-reporting-schema apiguardian-api \
    univocity-parsers picocli assertj-core; do
  [ -e /usr/share/java/$name.jar ] && jars="$jars:/usr/share/java/$name.jar"
done
case $jars in *junit-platform-console*assertj-core*) ;; *) exit 97;; esac
find src -name '*.java' > .sources
javac -nowarn -d .build -cp "$jars" @.sources 1>&2 || exit 99
java -XX:+UseSerialGC -cp ".build$jars" org.junit.platform.console.ConsoleLauncher --scan-classpath .build \
  --include-classname '.*' --reports-dir .reports --disable-banner --disable-ansi-colors --details=summary \
  --config 'junit.jupiter.conditions.deactivate=*' 1>&2
cp .reports/TEST-junit-jupiter.xml {report}
"""

FRAMEWORKS: dict[str, Framework] = {
    "python": Framework("python3", "run_python.py", "python3 -B -s {runner}", _json_lines, _python_canary),
    "javascript": Framework(
        "node", "run_javascript.mjs", "node --no-warnings {runner}", _json_lines, _javascript_canary
    ),
    "go": Framework(
        "go",
        "",
        "export GOCACHE=$PWD/.cache GOFLAGS=-mod=mod GOPROXY=off HOME=$PWD; go build ./... 1>&2 || exit 99; "
        "go test -vet=off -json ./... > {report}",
        _go_events,
        _go_canary,
    ),
    "cpp": Framework("g++", "", _CPP_BUILD + "; ./.run -r xml -o {report} 1>&2", _catch_xml, _cpp_canary),
    "rust": Framework("rustc", "", _RUST, _rust_lines, _rust_canary),
    "java": Framework(
        "javac", "", _JAVA, _junit_xml, _java_canary, "JUnit 5 and AssertJ (Debian: junit5, libassertj-core-java)"
    ),
}
"""Every language with an offline framework."""


def with_canaries(framework: Framework, word: str, tests: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Canary files, and the order in which test files run: a canary first, and one after each file.

    One alone could run before the submission changes the framework, or after it has changed it back.

    Args:
        framework: Of the project's language.
        word: Random; it is in the name of every canary and of nothing else.
        tests: The test files.
    """
    canaries = [framework.canary(f"{word}{number}x", tests) for number in range(len(tests) + 1)]
    order = [canaries[0][0]]
    for path, (canary, _) in zip(sorted(tests), canaries[1:], strict=True):
        order += [path, canary]
    return dict(canaries), tuple(order)
