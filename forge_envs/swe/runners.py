"""Test runners: which files decide, and what a log states, in order.

pytest, SymPy's ``bin/test`` and unittest (Django's ``runtests.py``) get canaries; for any other there is no general way
to add a test, so none is placed, and the log is believed as swebench would.
"""

import re
import shlex
from typing import Literal

from forge_envs.swe.diffs import touched_paths
from forge_envs.swe.logs import PARSERS, parser_of, reported
from forge_envs.swe.logs.python import parse_pytest, parse_pytest_options, parse_pytest_v2, parse_seaborn
from forge_envs.swe.task import SWETask

Runner = Literal["pytest", "sympy", "unittest", "other"]

_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_SYMPY = {"ok": "PASSED", "F": "FAILED", "E": "ERROR", "X": "FAILED", "f": "SKIPPED", "s": "SKIPPED", "w": "SKIPPED"}
_UNITTEST = {"ok": "PASSED", "OK": "PASSED", "FAIL": "FAILED", "ERROR": "ERROR", "success": "FAILED"}
_RAN = re.compile(
    r"Executed [1-9]|TOTAL: [1-9]|[1-9]\d* passing|Tests:\s+[1-9]|^# tests [1-9]|[1-9]\d* specs?, \d+ fail|': ok$", re.M
)
"""Signs that a runner ran, after ``SUITE_RAN`` in ``swebench/harness/grading.py``: some loggers name failures only."""
_PYTEST = (parse_pytest, parse_pytest_options, parse_pytest_v2, parse_seaborn, PARSERS["parse_log_matplotlib"])


def runner_of(task: SWETask) -> Runner:
    """What runs a task's tests, by its log parser; a Python parser with a unittest command counts as unittest.

    Raises:
        TaskError: The log parser does not exist.
    """
    parser = parser_of(task.log_parser, task.id, task.version)
    if parser is PARSERS["parse_log_sympy"]:
        return "sympy"
    if parser is PARSERS["parse_log_django"]:
        return "unittest"
    return "pytest" if parser in _PYTEST else "other"


def words_of(command: str) -> list[str]:
    """The words of a command that are no options."""
    return [word for line in command.split("\n") for word in _split(line) if not word.startswith("-")]


def is_path(word: str) -> bool:
    """Whether a word may name a file of the repository."""
    return bool(re.fullmatch(r"(?!/)(?!.*(?:^|/)\.\.(?:/|$))[\w./+-]+", word)) and word not in (".", "./")


def deciding_files(task: SWETask) -> list[str]:
    """The files whose tests decide, in order and once: those that ids name, else those that the command names.

    Not all need exist: a unittest label like ``a.test_b`` stands for ``tests/a/test_b.py`` and ``a/test_b.py``.
    """
    ids = (*task.fail_to_pass, *task.pass_to_pass)
    found = [test.partition("::")[0] for test in ids if "::" in test]
    if not found:
        words = words_of(task.test_command)
        found = [word for word in words if word.endswith(".py")]
        if runner_of(task) == "unittest":
            labels = [word.replace(".", "/") for word in words if re.fullmatch(r"\w+(\.\w+)*", word)]
            found = [f"{above}{label}.py" for label in labels for above in ("tests/", "")]
            found += [path for path in touched_paths(task.test_patch) if re.search(r"(^|/)tests?\w*\.py$", path)]
    return [path for path in dict.fromkeys(found) if is_path(path)]


def stated(runner: Runner, log: str) -> list[tuple[str, str]]:
    """Every (test, status) that a line of the log states, in order; a test may occur more than once."""
    log = _COLOUR.sub("", log)
    if runner == "pytest":
        return reported(log)
    found = []
    for line in log.split("\n") if runner != "other" else ():
        if runner == "sympy":
            words = line.split()
            if words[-1:] in (["[OK]"], ["[FAIL]"]):  # what a file came to, behind its last test
                words.pop()
            if len(words) > 1 and words[0].startswith("test_") and words[-1] in _SYMPY:
                found.append((words[0], _SYMPY[words[-1]]))
        else:
            test, dots, rest = line.strip().partition(" ... ")
            words = rest.split()
            if dots and words:
                skipped = words[0] == "skipped" or rest.endswith("expected failure")
                status = "SKIPPED" if skipped else _UNITTEST.get(words[-1])
                found += [(test, status)] if status else []
    return found


def ran(log: str) -> bool:
    """Whether a log that names no test shows that some were run."""
    return bool(_RAN.search(log))


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()
