"""Tests that ask for the time, for chance or for the network: they can pass today and fail on a busy machine."""

import ast
from collections.abc import Iterator

from forge_envs.swe.synthesis.source import Function, Source

_NAMES = {
    *("sleep", "perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "process_time", "time_ns", "timeit"),
    *("now", "utcnow", "today", "urandom", "uuid1", "uuid4", "settimeout", "create_connection", "create_server"),
}
_OF_MODULES = {"time": {"time"}, "socket": {"socket", "socketpair"}}
_SEEDED = {"Random", "seed"}
_BEFORE = {"setUp", "setup", "setup_method", "setUpClass", "setup_class"}


def unsteady_tests(source: Source) -> frozenset[str]:
    """The functions of a test file that do so, themselves or by what they use of the same file, by qualified name."""
    functions = dict(source.functions())
    # What is defined in a function is a part of it, and its name means nothing elsewhere.
    functions = {name: node for name, node in functions.items() if name.rpartition(".")[0] not in functions}
    chance = _imported_chance(source.tree)
    found = {name for name, node in functions.items() if any(_asks(one, chance) for one in _inside(node))}
    uses = {name: _uses(node) for name, node in functions.items()}
    while True:
        short = {name.rpartition(".")[2] for name in found}
        whole = {name.rpartition(".")[0] for name in found if name.rpartition(".")[2] in _BEFORE}
        more = {n for n in functions if uses[n] & short or n.rpartition(".")[0] in whole - {""}} - found
        if not more:
            return frozenset(found)
        found |= more


def _inside(function: Function) -> Iterator[ast.AST]:
    for statement in function.body:
        yield from ast.walk(statement)


def _asks(node: ast.AST, chance: set[str]) -> bool:
    if isinstance(node, ast.keyword):
        return node.arg == "timeout"
    if isinstance(node, ast.Name):
        return node.id in _NAMES or node.id in chance
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id == "time"
    if isinstance(node, ast.Attribute):
        module = node.value.id if isinstance(node.value, ast.Name) else ""
        if module == "random":
            return node.attr not in _SEEDED
        return node.attr in _NAMES or node.attr in _OF_MODULES.get(module, ())
    return False


def _imported_chance(tree: ast.Module) -> set[str]:
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "random"]
    return {one.asname or one.name for node in imports for one in node.names if one.name not in _SEEDED}


def _uses(function: Function) -> set[str]:
    """Names that a function mentions: of functions that it calls, of its own class, and of its fixtures."""
    found = {argument.arg for argument in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)}
    for node in _inside(function):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
            found.add(node.attr)
    return found
