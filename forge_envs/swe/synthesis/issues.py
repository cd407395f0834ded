"""Issues from templates: what a user sees of a bug, by the test that found it, without where it is."""

import ast
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from forge_envs.swe.synthesis.source import Source, read_source

SHOWN = 2
"""Failing tests that an issue tells of."""

_TITLES = {
    "missing": ("{name} is not implemented", "{name}: not there yet", "Calling {name} only raises NotImplementedError"),
    "error": ("{name} raises {type}", "{type} from {name}", "Unexpected {type} when using {name}"),
    "wrong": ("{name} gives a wrong result", "Wrong result of {name}", "{name} does not do what is documented"),
}
_OPENINGS = (
    "I ran into this with version {version} of {project}.",
    "Since I updated to {project} {version}, the following no longer works.",
    "With {project} {version}, this does not behave as I expect.",
)
_CODE = ("To reproduce:", "This is enough to see it:", "A small example:")
_SAW = {
    "missing": ("It ends with `NotImplementedError`.", "All I get is a `NotImplementedError`."),
    "error": ("It ends with an exception:", "Instead of a result there is an exception:"),
    "wrong": ("The check at the end fails:", "The last line does not hold:"),
}
_ENDS = (
    "Other cases may be affected too; I have only tried what I needed.",
    "Please look at related inputs as well, this is only the one that I noticed.",
    "What is documented should hold for all inputs of this kind.",
)


def template_issue(
    project: str,
    version: str,
    failures: Mapping[str, Mapping[str, Any]],
    files: Mapping[str, bytes],
    secrets: Iterable[str],
    seed: str,
) -> str:
    """An issue as Markdown.

    Args:
        project: Its name.
        version: Of it.
        failures: How tests fail (`driver.py`).
        files: The repository's Python files.
        secrets: Lines and paths that must not be in it.
        seed: Chooses the wording.
    """
    rng = random.Random(seed)
    hidden = [secret for secret in secrets if len(secret) > 3]
    chosen = _different(failures)
    sections, title = [], ""
    for test, about in chosen:
        kind = _kind(about)
        snippet, name = _snippet(test, about, files)
        type_ = str(about.get("type") or "an error")
        title = title or rng.choice(_TITLES[kind]).format(name=f"`{name}`" if name else project, type=type_)
        told = _told(about, kind)
        if leaks(snippet, hidden):
            snippet = ""
        if leaks(told, hidden):
            told = ""
        part = [f"{rng.choice(_CODE)}\n\n```python\n{snippet}\n```"] if snippet else []
        if kind != "missing" and told:
            part.append(f"{rng.choice(_SAW[kind])}\n\n```\n{told}\n```")
        elif kind == "missing":
            part.append(rng.choice(_SAW[kind]))
        sections.append("\n\n".join(part))
    opening = rng.choice(_OPENINGS).format(project=project, version=version)
    text = "\n\n".join([f"# {title}", opening, *filter(None, sections), rng.choice(_ENDS)])
    return text.encode(errors="replace").decode()


def leaks(text: str, secrets: Iterable[str]) -> bool:
    """Whether a text holds a path or a changed line."""
    flat = re.sub(r"\s+", " ", text)
    return any(re.sub(r"\s+", " ", secret) in flat for secret in secrets)


def _different(failures: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """A few failures, of different functions where there are several."""
    seen: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for test, about in sorted(failures.items(), key=lambda one: len(str(one[1].get("text", "")))):
        seen.setdefault(test.partition("[")[0], (test, about))
    return list(seen.values())[:SHOWN]


def _kind(about: Mapping[str, Any]) -> str:
    if about.get("type") == "NotImplementedError":
        return "missing"
    return "wrong" if about.get("type") in ("AssertionError", "Failed", None) else "error"


def _told(about: Mapping[str, Any], kind: str) -> str:
    """The last words of a traceback, or how an assertion compares both sides; no frames."""
    message = str(about.get("message", "")).strip()
    if kind == "error":
        return f"{about.get('type')}: {message}"[:600].rstrip(": ")
    lines = [line[1:].strip("\n") for line in str(about.get("text", "")).split("\n") if line.startswith("E ")]
    text = "\n".join(line.removeprefix("      ") for line in lines[:12]) or message
    return re.sub(r"0x[0-9a-f]{6,}", "0x…", text)[:900]


def _snippet(test: str, about: Mapping[str, Any], files: Mapping[str, bytes]) -> tuple[str, str]:
    """What the test did until it failed, as a script, and the name of what it called last."""
    path, _, inside = test.partition("[")[0].partition("::")
    source = read_source(path, files.get(path, b""))
    function = _find(source.tree.body, inside.split("::")) if source else None
    if source is None or function is None:
        return "", ""
    line = int(about.get("line") or 0)
    upto = [node for node in function.body if node.lineno <= line] or function.body[:1]
    kept = [node for node in upto[:-1] if not _checks(node) and not _documents(node)] + upto[-1:]
    lines = [f"{name} = {value}" for name, value in dict(about.get("params", {})).items() if _literal(str(value))]
    lines += [_dedented(source, node) for node in kept if not _documents(node)]
    code = "\n".join(lines)
    if len(code) > 1500:
        code = "\n".join(lines[:-1][-3:] + lines[-1:])[-1500:]
        code = _dedented(source, upto[-1])[:1500]
    used, helpers = set(re.findall(r"[A-Za-z_]\w*", code)), _helpers(source, code)
    used |= set(re.findall(r"[A-Za-z_]\w*", "\n".join(helpers.values())))
    return "\n".join([*_imports(source, used), *helpers.values(), code]), _called(upto[-1], source, set(helpers))


def _find(body: Sequence[ast.stmt], names: Sequence[str]) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    for node in body:
        if isinstance(node, ast.ClassDef) and len(names) > 1 and node.name == names[0]:
            return _find(node.body, names[1:])
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and list(names) == [node.name]:
            return node
    return None


def _checks(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assert):
        return True
    called = node.value.func if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
    return isinstance(called, ast.Attribute) and called.attr.startswith("assert")


def _documents(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _literal(value: str) -> bool:
    try:
        ast.literal_eval(value)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return False
    return len(value) < 200


def _dedented(source: Source, node: ast.stmt) -> str:
    start, end = source.span(node)
    first, *rest = source.content[start:end].decode().split("\n")
    return "\n".join(
        [first, *(line[node.col_offset :] if not line[: node.col_offset].strip() else line for line in rest)]
    )


def _imports(source: Source, used: set[str]) -> list[str]:
    """The module's imports of names that are used; relative ones are left out, a user can't write them."""
    found = []
    for node in source.tree.body:
        if isinstance(node, ast.Import):
            names = [a for a in node.names if (a.asname or a.name.split(".")[0]) in used and a.name != "pytest"]
            found += [f"import {ast.unparse(alias)}" for alias in names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [a for a in node.names if (a.asname or a.name) in used]
            if names:
                found.append(f"from {node.module} import {', '.join(ast.unparse(alias) for alias in names)}")
    return found


def _helpers(source: Source, code: str) -> dict[str, str]:
    """Short functions and constants of the test file that the code uses, and what these use."""
    defined: dict[str, ast.stmt] = {}
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef) and not node.decorator_list and not node.name.startswith("test"):
            defined[node.name] = node
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            defined[node.targets[0].id] = node
    found: dict[str, str] = {}
    wanted = re.findall(r"[A-Za-z_]\w*", code)
    while wanted and len(found) < 6:
        name = wanted.pop()
        text = _dedented(source, defined[name]) if name in defined and name not in found else ""
        if 0 < len(text) < 500:
            found[name] = text
            wanted += re.findall(r"[A-Za-z_]\w*", text)
    return {name: found[name] for name in defined if name in found}


def _called(node: ast.stmt, source: Source, helpers: set[str]) -> str:
    """The first call in a statement that is neither a check nor one of the test file's own."""
    for one in ast.walk(node):
        if isinstance(one, ast.Call):
            name = source.text(one.func).decode()
            last = name.rpartition(".")[2]
            builtin = last in ("list", "tuple", "set", "dict", "str", "len", "sorted", "repr", "raises", "next", "iter")
            if re.fullmatch(r"[\w.]+", name) and not last.startswith("assert") and not builtin and name not in helpers:
                return name.removeprefix("self.")
    return ""
