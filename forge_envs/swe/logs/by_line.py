"""Logs in which one line states one test, by swebench's names (``swebench/harness/log_parsers`` of 5.0.2).

A line is read without the white space around it. ``name`` and ``status`` of its expression are the test and the word or
sign that the runner prints for its status.
"""

import re
from collections.abc import Callable, Mapping

_GO = {"PASS": "PASSED", "FAIL": "FAILED", "SKIP": "SKIPPED"}
_JEST = {"✓": "PASSED", "✕": "FAILED", "○": "SKIPPED"}
_REDIS = {"ok": "PASSED", "err": "FAILED", "skip": "SKIPPED", "ignore": "SKIPPED"}
_UNIT = {".": "PASSED", "E": "FAILED", "F": "FAILED", "O": "SKIPPED"}
_WORDS = {"PASSED": "PASSED", "FAILED": "FAILED"}

TABLE: dict[str, tuple[str, Mapping[str, str]]] = {
    "parse_log_ant": (r"\[junit\]\s+\[(?P<status>PASS|FAIL|ERR)\]\s+(?P<name>.*)", {**_GO, "ERR": "FAILED"}),
    "parse_log_cargo": (
        r"test\s+(?P<name>\S+)\s+\.\.\.\s+(?P<status>ok|FAILED)\Z",
        {"ok": "PASSED", "FAILED": "FAILED"},
    ),
    "parse_log_gotest": (r"--- (?P<status>PASS|FAIL|SKIP): (?P<name>.+) \(.+\)\Z", _GO),
    "parse_log_jest": (r"(?P<status>[✓✕○])\s(?P<name>.+?)(?:\s\(\d+\s*m?s\))?\Z", _JEST),
    "parse_log_jest_json": (r"\[(?P<status>PASSED|FAILED)\]\s(?P<name>.+)", _WORDS),
    "parse_log_jq": (r"(?P<status>PASS|FAIL):\s(?P<name>.+)", _GO),
    "parse_log_micropython_test": (
        r"(?P<status>pass|FAIL|skip)\s+(?P<name>.+)",
        {"pass": "PASSED", "FAIL": "FAILED", "skip": "SKIPPED"},
    ),
    "parse_log_redis": (r"\[(?P<status>ok|err|skip|ignore)\]:\s(?P<name>.+?)(?:\s\(\d+\s*m?s\))?\Z", _REDIS),
    "parse_log_ruby_unit": (r"(?:test: )?(?P<name>.+):\s+(?P<status>\.|[EFO]\b)", _UNIT),
    "parse_log_tap": (r"(?P<status>ok|not ok) \d+ (?P<name>.+)", {"ok": "PASSED", "not ok": "FAILED"}),
    "parse_log_vitest": (
        r"(?P<status>[✓×↓])\s(?P<name>.+?)(?:\s(?:\d+\s*m?s?|\[skipped\]))?\Z",
        {"✓": "PASSED", "×": "FAILED", "↓": "SKIPPED"},
    ),
}
"""Expression and statuses, by the parser's name."""


def line_parser(name: str) -> Callable[[str], dict[str, str]]:
    """The parser of that name in `TABLE`."""
    expression, statuses = TABLE[name]
    pattern = re.compile(expression)

    def parse(log: str) -> dict[str, str]:
        found = {}
        for line in log.split("\n"):
            match = pattern.match(line.strip())
            if match:
                test, status = match["name"], statuses[match["status"]]
                if name == "parse_log_jest":
                    test = test.strip()
                elif name == "parse_log_redis" and status == "FAILED":
                    test = _without_file(test)
                found[test] = status
        return found

    return parse


def _without_file(test: str) -> str:
    """Redis names a failed test's file: ``NAME in tests/unit/x.tcl``."""
    if test[-1].isspace():
        return test
    words = f"|{test}".rsplit(None, 2)  # the bar keeps white space at the start apart
    return words[0][1:] if len(words) == 3 and words[1] == "in" else test
