"""Builds the suite from the problem folders beside this file: same sources and seed, same bytes.

python tasks/code_contest/bundled/build.py [--out FOLDER]

A problem folder holds `problem.toml`, `statement.md`, `generator.py` (the inputs), a folder of submissions for each
verdict, named as in a Kattis problem package, and `checker.*` or `interactor.*` where it needs one. The answers come
from the first accepted Python solution. A project holds `files/`, `public/` and `hidden/` instead of a generator.
"""

import argparse
import json
import random
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from forge_envs.code_contest.task import ContestTask, Program, Project, write_suite

HERE = Path(__file__).resolve().parent
NAME = "code_contest/bundled"
DESCRIPTION = "Contest problems and project exercises of our own, from one idea to an algorithm."
VERDICTS = {
    "accepted": "AC",
    "wrong_answer": "WA",
    "time_limit_exceeded": "TLE",
    "memory_limit_exceeded": "MLE",
    "run_time_error": "RE",
    "output_limit_exceeded": "OLE",
    "compile_error": "CE",
}
LANGUAGES = {".py": "python", ".cpp": "cpp", ".js": "javascript"}

# Runs a solution of this repository on many inputs in one process: [{"stdin"} or {"args"}] in, answers out.
DRIVER = """
import contextlib, io, json, runpy, sys
path, fn_name = sys.argv[1:]
answers = []
cases = json.load(sys.stdin)
function = runpy.run_path(path)[fn_name] if fn_name else None
for case in cases:
    if function:
        answers.append(function(*case["args"]))
        continue
    sys.stdin = io.TextIOWrapper(io.BytesIO(case["stdin"].encode()))
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        runpy.run_path(path, run_name="__main__")
    answers.append(printed.getvalue())
json.dump(answers, sys.stdout)
"""


def build_task(folder: Path) -> tuple[str, ContestTask]:
    """The split and the task of one problem folder."""
    about = tomllib.loads((folder / "problem.toml").read_text(encoding="utf-8"))
    split = about.pop("split")
    about.setdefault("time_limit_s", 1.0)
    about["languages"] = tuple(about.get("languages", ("python", "cpp")))
    about["statement"] = (folder / "statement.md").read_text(encoding="utf-8").strip()
    submissions = [
        one for name, verdict in VERDICTS.items() for one in _submissions(folder / name, verdict, about["mode"])
    ]
    task = ContestTask(
        id=folder.name,
        solutions=tuple(one for one in submissions if one.verdict == "AC"),
        wrong=tuple(one for one in submissions if one.verdict != "AC"),
        license="Apache-2.0",
        **_project(folder, about) if about["mode"] == "project" else _judged(folder, about),
    )
    return split, task


def _submissions(folder: Path, verdict: str, mode: str) -> list[Program]:
    found = []
    for path in sorted(folder.iterdir(), key=lambda p: (p.suffix != ".py", p.name)) if folder.is_dir() else ():
        name = f"{folder.name}/{path.name}"
        if mode == "project":
            files = _texts(path)
            language = LANGUAGES[Path(min(files)).suffix]
            found.append(Program(language, files=files, name=name, verdict=verdict))
        else:
            code = path.read_text(encoding="utf-8")
            found.append(Program(LANGUAGES[path.suffix], code, name=name, verdict=verdict))
    return found


def _judged(folder: Path, about: dict[str, Any]) -> dict[str, Any]:
    for role in ("checker", "interactor"):
        for path in sorted(folder.glob(f"{role}.*")):
            source = {"language": LANGUAGES[path.suffix], "source": path.read_text(encoding="utf-8")}
            about[role] = ({"type": "program"} if role == "checker" else {}) | source
    cases = runpy.run_path(str(folder / "generator.py"))["cases"]
    public, hidden = cases(random.Random(f"{NAME}/{folder.name}"))
    key = "args" if about["mode"] == "function" else "stdin"
    inputs = [{key: case} for case in [*public, *hidden]]
    assert len({json.dumps(case) for case in inputs}) == len(inputs), f"{folder.name}: a test occurs twice"
    if about["mode"] == "interactive":
        answers: list[Any] = [""] * len(inputs)
    else:
        answers = _answers(folder / "accepted", about.get("fn_name", ""), inputs)
    tests = [{**case, "expected": answer} for case, answer in zip(inputs, answers, strict=True)]
    return {**about, "public_tests": tuple(tests[: len(public)]), "hidden_tests": tuple(tests[len(public) :])}


def _answers(accepted: Path, fn_name: str, inputs: list[dict[str, Any]]) -> list[Any]:
    solution = min(accepted.glob("*.py"))
    command = [sys.executable, "-I", "-c", DRIVER, str(solution), fn_name]
    done = subprocess.run(command, input=json.dumps(inputs), capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise SystemExit(f"{solution}: {done.stderr}")
    return json.loads(done.stdout)


def _project(folder: Path, about: dict[str, Any]) -> dict[str, Any]:
    files = _texts(folder / "files")
    editable = tuple(about.pop("editable"))
    tests = {f"{kind}_tests": _texts(folder / kind) for kind in ("public", "hidden")}
    project = Project(about["languages"][0], files, editable, edit_format=about.pop("edit_format", "whole"), **tests)
    return {**about, "project": project}


def _texts(folder: Path) -> dict[str, str]:
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {str(p.relative_to(folder)): p.read_text(encoding="utf-8") for p in paths}


def build(out: Path) -> dict[str, list[ContestTask]]:
    """Build every problem and write the suite into a folder."""
    splits: dict[str, list[ContestTask]] = {"train": [], "heldout": []}
    folders = sorted(path.parent for path in (HERE / "problems").glob("*/problem.toml"))
    for split, task in map(build_task, folders):
        splits[split].append(task)
    write_suite(splits, out, name=NAME, description=DESCRIPTION, license="Apache-2.0")
    return splits


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE)
    for name, listed in build(parser.parse_args().out).items():
        for one in listed:
            size = len(json.dumps(one.row()))
            counts = f"{len(one.public_tests)} public, {len(one.hidden_tests)} hidden, {len(one.wrong)} wrong"
            print(f"{name:8} {one.id:24} {one.mode:12} {one.difficulty} {counts}, {size // 1024} KiB")
