"""What a row's ``eval_script`` does besides running tests, and when a product has to be installed again.

The scripts are those that swebench 5 writes into its rows: activation of conda, looks at git, setup, an install of the
repository, the test patch, and between two markers the test command.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_START, _END = "'>>>>> Start Test Output'", "'>>>>> End Test Output'"
_HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")
_OURS = re.compile(r"(#|:(\s|$)|set\s|source\s|\.\s|conda\s|git\s|cd\s|(micro)?mamba\s)")
"""Lines that the workspace or the grader makes unnecessary."""

_IN_PLACE = re.compile(r"\bpip3?\s.*\binstall\b.*\s(-e|--editable)\b|\bsetup\.py\s.*\bdevelop\b")
_COMPILED = re.compile(
    r".*\.(pyx|pxd|pxi|pyf|c|cc|cpp|cxx|h|hh|hpp|f|f90|rs|tp|in|l|y)"
    r"|(.*/)?(meson\.build|CMakeLists\.txt|Cargo\.(toml|lock)|Makefile|setup\.py|setup\.cfg|pyproject\.toml)",
    re.DOTALL,
)
"""Files that an install in place makes something else of."""


@dataclass(frozen=True)
class EvalScript:
    """The parts of a script.

    Args:
        command: What it runs between its markers; None without markers.
        exports: Its ``export`` lines before that.
        setup: Its other lines before that, but conda's, git's and the test patch's: installs and what they need.
    """

    command: str | None = None
    exports: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()


def read_eval_script(script: str) -> EvalScript:
    """Take a script apart.

    Args:
        script: For bash; a row's ``eval_script``.
    """
    if _START not in script or _END not in script.split(_START, 1)[1]:
        return EvalScript()
    before, rest = script.split(_START, 1)
    lines = rest.split(_END, 1)[0].split("\n")
    command = "\n".join(line for line in lines[1:-1] if line.strip())
    exports, setup = [], []
    until: str | None = None
    for line in before.replace("\\\n", " ").split("\n"):
        line = line.strip()
        if until is not None:
            until = None if line == until else until
        elif found := _HEREDOC.search(line):  # the test patch
            until = found[2]
        elif line.startswith("export "):
            exports.append(line)
        elif line and not _OURS.match(line):
            setup.append(line)
    return EvalScript(command, tuple(exports), tuple(setup))


def needed_setup(setup: Iterable[str], changed: Iterable[str]) -> list[str]:
    """The lines to run after a patch: an install in place shows a change of Python files as it is.

    Args:
        setup: Of `EvalScript`.
        changed: Paths that the patch changed.
    """
    compiled = any(_COMPILED.fullmatch(path) for path in changed)
    return [line for line in setup if compiled or not _IN_PLACE.search(line)]
