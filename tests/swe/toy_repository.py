"""A small repository with an issue, graded for real in the local sandbox."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any

from forge_envs.core.task import Task
from forge_envs.sandbox.base import Sandbox
from forge_envs.swe.workspace import Site

CORE = "def double(n):\n    return n + 2\n\n\ndef half(n):\n    return n / 2\n"
FIXED = CORE.replace("n + 2", "n * 2")
OLD_TEST = "from calc.core import half\n\n\ndef test_half():\n    assert half(4) == 2\n"
NEW_TEST = OLD_TEST.replace("import half", "import double, half") + (
    "\n\ndef test_double():\n    assert double(5) == 10\n"
)
MORE_TEST = "from calc import double\n\n\ndef test_more():\n    assert double(7) == 14\n"
FILES = {
    "calc/__init__.py": "from calc.core import double, half\n",
    "calc/core.py": CORE,
    "tests/test_core.py": OLD_TEST,
    "README.md": "Calculations.\n",
    ".gitignore": "*.log\nbuild/\n",
    "pyproject.toml": '[tool.pytest.ini_options]\ntestpaths = ["tests"]\n',
}


def diff(old: dict[str, str], new: dict[str, str]) -> str:
    """A git diff between two sets of files; a file that is in one of them only is added or deleted."""
    parts = []
    for path in sorted({**old, **new}):
        before, after = old.get(path), new.get(path)
        if before != after:
            mode = "new file mode 100644\n" if before is None else "deleted file mode 100644\n" if after is None else ""
            names = [
                f"{side}/{path}" if text is not None else "/dev/null" for side, text in (("a", before), ("b", after))
            ]
            lines = unified_diff((before or "").splitlines(True), (after or "").splitlines(True), *names)
            parts.append(f"diff --git a/{path} b/{path}\n{mode}{''.join(lines)}")
    return "".join(parts)


TEST_PATCH = diff(FILES, {**FILES, "tests/test_core.py": NEW_TEST, "tests/test_more.py": MORE_TEST})
GOLD = diff(FILES, {**FILES, "calc/core.py": FIXED})
ROW: dict[str, Any] = {
    "instance_id": "toy__calc-1",
    "repo": "toy/calc",
    "base_commit": "0" * 40,
    "problem_statement": "double(5) gives 7.",
    "hints_text": "look at the operator HINT",
    "patch": GOLD,
    "test_patch": TEST_PATCH,
    "FAIL_TO_PASS": ["tests/test_core.py::test_double", "tests/test_more.py::test_more"],
    "PASS_TO_PASS": ["tests/test_core.py::test_half"],
}


@dataclass(frozen=True)
class Toy:
    """The task, where it runs, and a function that opens a workspace of it."""

    task: Task
    folder: Path
    site: Site
    open: Callable[[], Sandbox]
