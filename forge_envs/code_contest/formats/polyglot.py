"""Exercism exercises in the layout of the language tracks and of the Aider polyglot benchmark.

An exercise is a folder with `.meta/config.json` (Exercism's configlet: which files are the solution, the tests and the
example), `.docs/` (the description) and the files themselves.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from forge_envs.code_contest.formats.build import Loaded, Skipped, task_id
from forge_envs.code_contest.formats.sources import Tree, read_tree, safe_path
from forge_envs.code_contest.task import ContestTask, Program, Project
from forge_envs.core.errors import TaskError

SUFFIXES = {
    ".py": "python",
    ".js": "javascript",
    ".cpp": "cpp",
    ".h": "cpp",
    ".go": "go",
    ".rs": "rust",
    ".java": "java",
}
DOCS = ("introduction.md", "instructions.md", "instructions.append.md")
"""What Aider's benchmark puts into the prompt, in this order."""
MAX_SHOWN = 2 * 2**20


def load_exercises(source: str | Path) -> Loaded:
    """Read one exercise, or every exercise below a folder or in a zip archive.

    Their tests are one set, so the same files are public and hidden, as in the benchmark, whose second try sees the
    output of the tests.
    """
    tree = read_tree(source)
    configs = sorted(path for path in tree if PurePosixPath(path).parts[-2:] == (".meta", "config.json"))
    if not configs:
        raise TaskError(f"{source}: no .meta/config.json in it, so there is no Exercism exercise.")
    tasks, skipped = [], []
    for config in configs:
        root = config.removesuffix(".meta/config.json")
        name = PurePosixPath(root).name or Path(source).stem
        try:
            tasks.append(_exercise({p.removeprefix(root): c for p, c in tree.items() if p.startswith(root)}, name))
        except (TaskError, ValueError, KeyError, TypeError) as error:
            skipped.append(Skipped(root or name, f"{type(error).__name__}: {error}"))
    return Loaded(tuple(tasks), tuple(skipped))


def _exercise(tree: Tree, name: str) -> ContestTask:
    config = json.loads(tree[".meta/config.json"])
    roles = config["files"]
    solution, tests = ([safe_path(p) for p in roles[role]] for role in ("solution", "test"))
    missing = [path for path in [*solution, *tests] if path not in tree]
    if missing:
        raise TaskError(f"{missing[0]} is named in .meta/config.json, but not there.")
    language = SUFFIXES.get(PurePosixPath(solution[0]).suffix)
    if language is None:
        raise TaskError(f"no language is known for {solution[0]}.")
    description = [_text(tree[f".docs/{doc}"]) for doc in DOCS if f".docs/{doc}" in tree]
    if not description:
        raise TaskError(".docs/instructions.md is not there.")
    if language == "rust":
        _refuse_crates(_text(tree.get("Cargo.toml", b"")))
    texts = _shown(tree)
    held = {path: texts[path] for path in tests}
    # Support files of the tests (a header, a data file) lie beside them; the agent sees them, but can't change them.
    files = {path: text for path, text in texts.items() if path not in held}
    editable = tuple(path for path in solution if path in files)
    return ContestTask(
        id=task_id("exercism", language, name),
        title=name,
        mode="project",
        statement="\n\n".join(text.strip() for text in description),
        languages=(language,),
        time_limit_s=60.0,
        memory_limit_mb=2048,
        project=Project(language, files, editable, held, held),
        solutions=_example(texts, tree, roles, editable, language),
        license="MIT",
        source=f"exercism/{language}",
    )


def _refuse_crates(manifest: str) -> None:
    """Packages of others have to be fetched; without them every solution would fail."""
    try:
        package = tomllib.loads(manifest)
    except tomllib.TOMLDecodeError as error:
        raise TaskError(f"Cargo.toml can't be read: {error}.") from error
    crates = sorted({*package.get("dependencies", {}), *package.get("dev-dependencies", {})})
    if crates:
        raise TaskError(f"it needs crates, which can't be had offline: {', '.join(crates)}.")
    if "name" not in package.get("package", {}):
        raise TaskError("Cargo.toml has no package name.")


def _shown(tree: Tree) -> dict[str, str]:
    texts = {}
    for path, content in tree.items():
        hidden = any(part.startswith(".") for part in PurePosixPath(path).parts)
        if hidden or len(content) > MAX_SHOWN or b"\0" in content:
            continue
        try:
            texts[path] = content.decode()
        except UnicodeDecodeError:
            continue  # a picture, or text that no prompt can hold
    return texts


def _example(
    texts: Mapping[str, str], tree: Tree, roles: Mapping[str, Any], editable: tuple[str, ...], language: str
) -> tuple[Program, ...]:
    """The track's own solution: its files stand for the solution files with the same ending."""
    examples = [safe_path(p) for p in [*roles.get("example", []), *roles.get("exemplar", [])]]
    files: dict[str, str] = {}
    for path in editable:
        suffix = PurePosixPath(path).suffix
        same = [e for e in examples if PurePosixPath(e).suffix == suffix and e in tree]
        if same:
            files[path] = _text(tree[same[0]])
    return (Program(language, files=files),) if files else ()


def _text(content: bytes) -> str:
    return content.decode(errors="replace")
