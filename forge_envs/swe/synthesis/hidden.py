"""Hidden tests: the test files as the agent sees them, without the tests that would find the bug."""

import ast
import itertools
import re
from collections.abc import Iterable, Mapping

from forge_envs.swe.synthesis.project import test_functions
from forge_envs.swe.synthesis.source import Edit, Source, apply_edits, read_source


def without_tests(files: Mapping[str, bytes], tests: Iterable[str]) -> dict[str, bytes | None]:
    """The files that hold the tests, without them.

    A test with parameters goes with all of them. A file is gone (None) where a test is not defined in it by its name
    (inherited, generated), or where no test is left.

    Args:
        files: The repository's Python files.
        tests: Ids.
    """
    wanted: dict[str, set[tuple[str, ...]]] = {}
    for test in tests:
        path, _, inside = test.partition("[")[0].partition("::")
        wanted.setdefault(path, set()).add(tuple(inside.split("::")))
    return {path: _stripped(path, files[path], names) for path, names in sorted(wanted.items())}


def _stripped(path: str, content: bytes, names: set[tuple[str, ...]]) -> bytes | None:
    source = read_source(path, content)
    if source is None:
        return None
    edits: list[Edit] = []
    for name in sorted(names):
        nodes = _defined(source.tree.body, name)
        if not nodes:
            return None
        edits += [Edit(*_span(source, node), b"") for node in nodes]
    edits = sorted(set(edits))
    stripped = apply_edits(content, edits) if all(a.end <= b.start for a, b in itertools.pairwise(edits)) else b"("
    changed = read_source(path, stripped)
    if changed is None:  # a class or a branch has nothing left
        stripped = _with_pass(source, edits)
        changed = read_source(path, stripped)
    return stripped if changed is not None and test_functions(stripped) else None


def _with_pass(source: Source, edits: list[Edit]) -> bytes:
    """`pass` in place of each test, with its indentation."""
    put = []
    for edit in edits:
        indent = re.match(rb"[ \t]*", source.content[edit.start : edit.end])
        put.append(Edit(edit.start, edit.end, (indent[0] if indent else b"") + b"pass\n"))
    try:
        return apply_edits(source.content, put)
    except ValueError:
        return b"("


def _defined(body: list[ast.stmt], name: tuple[str, ...]) -> list[ast.stmt]:
    found: list[ast.stmt] = []
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and name == (node.name,):
            found.append(node)
        elif isinstance(node, ast.ClassDef) and len(name) > 1 and node.name == name[0]:
            found += _defined(node.body, name[1:])
        elif isinstance(node, ast.If | ast.Try):
            found += _defined([*node.body, *node.orelse], name)
    return found


def _span(source: Source, node: ast.stmt) -> tuple[int, int]:
    """The lines of a test with its decorators, the comment above it, and the blank lines below it."""
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(one.lineno for one in decorators)])
    last = node.end_lineno or node.lineno
    lines = [source.content[slice(*source.whole_lines(n, n))] for n in range(1, len(source.starts))]
    while first > 1 and lines[first - 2].strip().startswith(b"#"):
        first -= 1
    while last < len(lines) and not lines[last].strip():
        last += 1
    return source.whole_lines(first, last)
