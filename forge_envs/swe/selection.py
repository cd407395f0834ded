"""What a test command selects besides whole files, and what marks a test file puts on all its tests."""

import ast
import re
from collections.abc import Collection, Iterable

_KEYWORD = re.compile(r"""(?<!\S)-k(?:[ \t]+|=)?((?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\;|&<>()])+)""", re.DOTALL)
"""``-k`` and the word after it as a shell reads it."""

_SPARING = {"filterwarnings", "timeout"}
"""Marks of pytest and pytest-timeout that do nothing to a plain function."""

_SKIPS = {"skip", "skipif"}

_NESTING = 200
"""Brackets in a file beyond which it is not parsed: the parser's depth has limits."""


def with_names(command: str, names: Iterable[str]) -> str:
    """The command with tests of these names selected besides what its ``-k`` selects; pytest's only.

    Args:
        command: For the shell; several ``-k`` or none are fine.
        names: Of tests.
    """
    more = "".join(f" or {name}" for name in names)
    if not more or "pytest" not in command:
        return command
    # Words that stand side by side are one word, however the one in the middle is quoted.
    return _KEYWORD.sub(lambda at: at[0] if at[1] in ("''", '""') else f"-k '('{at[1]}'){more}'", command)


def selected_by_id(path: str, words: Collection[str]) -> bool:
    """Whether a command names tests of a file and neither the file nor a folder above it.

    Args:
        path: The file.
        words: Of the command.
    """
    plain = {_plain(word) for word in words}
    above = {path, *(path[:at] for at, char in enumerate(path) if char == "/")}
    return not plain & above and any(word.partition("::")[0] == path for word in plain if "::" in word)


def label_of_part(path: str, words: Collection[str]) -> str | None:
    """The module of a file in unittest's labels where a command names a class or a test of it and not all of it.

    Args:
        path: The file, like ``tests/a/test_b.py``.
        words: Of the command, like ``a.test_b.SomeTests``.
    """
    whole = path.removesuffix(".py").replace("/", ".")
    modules = {whole, whole.removeprefix("tests.")}
    above = {module[:at] for module in modules for at, char in enumerate(module) if char == "."}
    if any(word in modules or word in above for word in words):
        return None
    return next((module for module in sorted(modules) for word in words if word.startswith(f"{module}.")), None)


def marks_spare(content: bytes, *, runs: bool = False) -> bool:
    """Whether no mark of a whole test file (``pytestmark``) changes what a plain test function does.

    Args:
        content: Of the file. One that can't be parsed and names ``pytestmark`` is taken for one with any mark.
        runs: A test of it has to pass, so that no mark may skip them all.
    """
    if b"pytestmark" not in content:
        return True
    if _depth(content) > _NESTING:
        return False
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    sparing = _SPARING | _SKIPS if runs else _SPARING
    found = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in targets):
                marks = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
                if not all(_mark(mark) in sparing for mark in marks):
                    return False
                found += 1
    return found == len(re.findall(rb"\bpytestmark\b", content))


def _mark(value: ast.AST | None) -> str | None:
    """``x`` of ``pytest.mark.x`` or ``pytest.mark.x(...)``."""
    if isinstance(value, ast.Call):
        value = value.func
    parent = value.value if isinstance(value, ast.Attribute) else None
    if isinstance(value, ast.Attribute) and isinstance(parent, ast.Attribute) and parent.attr == "mark":
        return value.attr
    return None


def _depth(content: bytes) -> int:
    depth = deepest = 0
    for char in content:
        depth += (char in b"([{") - (char in b")]}")
        deepest = max(deepest, depth)
    return deepest


def _plain(word: str) -> str:
    return word.removeprefix("./").rstrip("/")
