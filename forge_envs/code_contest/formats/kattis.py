"""Kattis problem packages, legacy and 2023-07, from a folder or a zip archive.

The format: problem package format specification of the Kattis problem archive; the tools: Kattis/problemtools.
"""

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

from forge_envs.code_contest.formats.build import PYTHON_AND_MORE, task_id
from forge_envs.code_contest.formats.kattis_validator import SUFFIXES, validation
from forge_envs.code_contest.formats.sources import Tree, read_tree, text_of_file
from forge_envs.code_contest.task import ContestTask, Mode, Program
from forge_envs.core.errors import ConfigError, TaskError

VERDICTS = {
    "accepted": "AC",
    "wrong_answer": "WA",
    "time_limit_exceeded": "TLE",
    "run_time_error": "RE",
    "memory_limit_exceeded": "MLE",
    "output_limit_exceeded": "OLE",
    "compile_error": "CE",
}
TIME_LIMIT_S = 5.0
"""Where the package names none: the archive measures it from the slowest accepted submission."""
MEMORY_LIMIT_MB = 2048
"""The archive's default."""
_GROUPS = r"data/(?:secret/.*)?(?:testdata|test_group)\.yaml"
_STATEMENTS = (
    r"statement/problem(?:\.en)?\.(?:md|tex)",
    r"problem_statement/problem(?:\.en)?\.(?:md|tex)",
    r"(?:problem_)?statement/problem\.\w+\.(?:md|tex)",
)


def load_package(source: str | Path, *, time_limit_s: float | None = None) -> ContestTask:
    """Read one package.

    Args:
        source: A folder or a zip archive; the package may be in a folder of its own inside.
        time_limit_s: CPU seconds; overrides what the package says.

    Raises:
        ConfigError: There is no such folder or archive.
        TaskError: It is no package, or one that needs what is not supported; the message names it.
    """
    tree = _package(read_tree(source), str(source))
    about = _yaml(tree["problem.yaml"], f"{source}: problem.yaml")
    limits = about.get("limits") or {}
    name = str(about.get("short_name") or Path(source).stem)
    mode, checker, interactor = validation(tree, about, _flags(tree, about))
    public, hidden = _tests(tree, "data/sample/", mode), _tests(tree, "data/secret/", mode)
    if not hidden:
        raise TaskError(f"{source}: data/secret holds no pair of .in and .ans files; run its generators first.")
    submissions = _submissions(tree)
    return ContestTask(
        id=task_id("kattis", name),
        title=_title(about, name),
        mode=mode,
        statement=_statement(tree, str(source)),
        languages=PYTHON_AND_MORE,
        public_tests=tuple(public),
        hidden_tests=tuple(hidden),
        checker=checker,
        time_limit_s=time_limit_s or _time_limit(tree, limits),
        memory_limit_mb=int(limits.get("memory") or MEMORY_LIMIT_MB),
        interactor=interactor,
        solutions=tuple(one for one in submissions if one.verdict == "AC"),
        wrong=tuple(one for one in submissions if one.verdict != "AC"),
        license=str(about.get("license") or ""),
        source=str(about.get("source_url") or about.get("source") or ""),
    )


def _package(tree: Tree, source: str) -> Tree:
    roots = sorted((p for p in tree if PurePosixPath(p).name == "problem.yaml"), key=lambda p: (p.count("/"), p))
    if not roots:
        raise TaskError(f"{source}: no problem.yaml in it, so it is no Kattis problem package.")
    prefix = roots[0].removesuffix("problem.yaml")
    return {path.removeprefix(prefix): content for path, content in tree.items() if path.startswith(prefix)}


def _yaml(content: bytes, source: str) -> Mapping[str, Any]:
    try:
        yaml = import_module("yaml")
    except ImportError as error:
        raise ConfigError("Kattis packages need the 'PyYAML' library: install forge-agents[train].") from error
    try:
        value = yaml.safe_load(content[: 2**20])
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise TaskError(f"{source}: {error}") from error
    if not isinstance(value, Mapping):
        raise TaskError(f"{source}: a mapping is expected.")
    return value


def _flags(tree: Tree, about: Mapping[str, Any]) -> list[str]:
    """Arguments of the output validator: legacy packages have them in problem.yaml, all may have them for the tests."""
    found = [_words(about.get("validator_flags"))]
    for path in sorted(p for p in tree if re.fullmatch(_GROUPS, p)):
        if b"output_validator_" in tree[path]:
            group = _yaml(tree[path], path)
            found.append(_words(group.get("output_validator_args") or group.get("output_validator_flags")))
    told = [words for number, words in enumerate(found) if words and words not in found[:number]]
    if len(told) > 1:
        raise TaskError("Its groups of tests have different arguments for the output validator.")
    return told[0] if told else []


def _words(value: Any) -> list[str]:
    return [str(word) for word in value] if isinstance(value, list) else str(value or "").split()


def _tests(tree: Tree, folder: str, mode: Mode) -> list[dict[str, Any]]:
    tests = []
    for path in sorted(p for p in tree if p.startswith(folder) and p.endswith(".in")):
        answer = path.removesuffix(".in") + ".ans"
        if answer in tree or mode == "interactive":
            tests.append({"stdin": text_of_file(tree[path]), "expected": text_of_file(tree.get(answer, b""))})
    return tests


def _statement(tree: Tree, source: str) -> str:
    for pattern in _STATEMENTS:
        for path in sorted(tree):
            if re.fullmatch(pattern, path) and tree[path].strip():
                return text_of_file(tree[path])
    raise TaskError(f"{source}: no statement/problem.en.md or problem_statement/problem.en.tex in it.")


def _submissions(tree: Tree) -> list[Program]:
    found = []
    for path in sorted(p for p in tree if p.startswith("submissions/")):
        parts = PurePosixPath(path).parts
        language = SUFFIXES.get(PurePosixPath(path).suffix)
        if len(parts) == 3 and parts[1] in VERDICTS and language:
            found.append(
                Program(language, text_of_file(tree[path]), name="/".join(parts[1:]), verdict=VERDICTS[parts[1]])
            )
    return found


def _time_limit(tree: Tree, limits: Mapping[str, Any]) -> float:
    told = limits.get("time_limit") or text_of_file(tree.get(".timelimit", b"")).strip()
    found = re.search(r"timelimit\s*=\s*['\"]?([\d.]+)", text_of_file(tree.get("domjudge-problem.ini", b"")))
    try:
        return float(told or (found[1] if found else TIME_LIMIT_S))
    except (TypeError, ValueError) as error:
        raise TaskError(f"The time limit {told!r} is no number of seconds.") from error


def _title(about: Mapping[str, Any], name: str) -> str:
    title = about.get("name") or name
    return str(title.get("en") or next(iter(title.values()), name)) if isinstance(title, Mapping) else str(title)
