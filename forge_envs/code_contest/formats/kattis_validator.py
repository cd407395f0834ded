"""How a Kattis package compares outputs: the default validator's flags, or a program of its own."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from forge_envs.code_contest.formats.sources import Tree, text_of_file
from forge_envs.code_contest.task import Mode
from forge_envs.core.errors import TaskError

SUFFIXES = {
    ".py": "python",
    ".py3": "python",
    ".cpp": "cpp",
    ".cc": "cpp",
    ".cxx": "cpp",
    ".c++": "cpp",
    ".c": "c",
    ".java": "java",
    ".js": "javascript",
    ".go": "go",
    ".rs": "rust",
}
"""Ending of a source file to its language."""

_FOLDERS = ("output_validators/", "output_validator/")
_HEADERS = (".h", ".hpp", ".hh")
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"[^\n]*$', re.MULTILINE)
_UNSUPPORTED = {
    "multi-pass": "It is a multi-pass problem",
    "multipass": "It is a multi-pass problem",
    "score": "Its validator gives points",
    "submit-answer": "Answers are submitted, not programs",
}


def validation(
    tree: Tree, about: Mapping[str, Any], flags: list[str]
) -> tuple[Mode, dict[str, Any], dict[str, Any] | None]:
    """Mode, checker and interactor.

    Args:
        tree: Of the package.
        about: Its problem.yaml.
        flags: For the validator.

    Raises:
        TaskError: It needs what is not supported; the message names it.
    """
    said = about.get("validation") or about.get("type") or "default"
    words = [str(word) for word in said] if isinstance(said, list) else str(said).split()
    for word in words:
        if word in _UNSUPPORTED:
            raise TaskError(f"{_UNSUPPORTED[word]}, which is not supported.")
    newer = any(path.startswith(_FOLDERS[1]) for path in tree)  # there the folder says it
    custom = newer or ("validation" in about and words[0] != "default")
    if not custom and "interactive" not in words:
        return "stdin", default_checker(flags), None
    program = {"language": "", "source": "", "protocol": "kattis"} | _program(tree)
    if flags:
        program["args"] = flags
    if "interactive" in words:
        return "interactive", {"type": "tokens"}, program
    return "stdin", {"type": "program", **program}, None


def default_checker(flags: list[str]) -> dict[str, Any]:
    """The default output validator's flags: tokens without letter case, unless told otherwise."""
    strict = {} if "case_sensitive" in flags else {"case_insensitive": True}
    tolerances = {}
    for flag, names in {
        "float_tolerance": ("abs", "rel"),
        "float_absolute_tolerance": ("abs",),
        "float_relative_tolerance": ("rel",),
    }.items():
        if flag in flags:
            try:
                tolerances.update(dict.fromkeys(names, float(flags[flags.index(flag) + 1])))
            except (IndexError, ValueError) as error:
                raise TaskError(f"validator_flags: {flag} needs a number.") from error
    if tolerances:
        return {"type": "float", **tolerances, **strict}
    return {"type": "exact" if "space_change_sensitive" in flags else "tokens", **strict}


def _program(tree: Tree) -> dict[str, Any]:
    """The validator as one text: headers of its own take the place of the lines that include them."""
    paths = [path for path in tree if path.startswith(_FOLDERS)]
    sources = [path for path in paths if PurePosixPath(path).suffix in SUFFIXES]
    headers = {PurePosixPath(path).name: text_of_file(tree[path]) for path in paths if path.endswith(_HEADERS)}
    if len(sources) != 1:
        raise TaskError(f"Its output validator has {len(sources)} source files; one is supported, with headers.")
    language = SUFFIXES[PurePosixPath(sources[0]).suffix]
    text = text_of_file(tree[sources[0]])
    return {"language": language, "source": _inlined(text, headers, set()) if language in ("c", "cpp") else text}


def _inlined(text: str, headers: Mapping[str, str], done: set[str]) -> str:
    def content(line: re.Match[str]) -> str:
        name = PurePosixPath(line[1]).name
        if name not in headers:
            return line[0]
        if name in done:  # every header guards itself against a second time
            return ""
        done.add(name)
        return _inlined(headers[name], headers, done)

    return _INCLUDE.sub(content, text)
