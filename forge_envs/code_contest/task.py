"""The one type of a contest task, and its row in a suite."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from forge_envs.core.errors import TaskError
from forge_envs.core.task import Task

Mode = Literal["stdin", "function", "interactive", "project"]
SCHEMA = "code_contest.schema.json"


@dataclass(frozen=True)
class Program:
    """What an agent hands in: one program, or the edited files of a project.

    Args:
        language: ``python``, ``cpp``, ...
        code: The program's text; empty in project mode.
        files: Relative path to text, in project mode.
        name: Of a listed wrong solution.
        verdict: The verdict that a listed wrong solution must get.
    """

    language: str
    code: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    verdict: str = "AC"


@dataclass(frozen=True)
class Project:
    """An exercise in the layout of Exercism and the Aider polyglot benchmark.

    Args:
        language: Decides the test framework.
        files: The files at the start.
        editable: The paths that the agent may change.
        public_tests: Test files whose output the agent may see.
        hidden_tests: Test files that decide.
        edit_format: ``whole`` files or ``diff`` (search and replace blocks): which one the prompt asks for.
    """

    language: str
    files: Mapping[str, str]
    editable: tuple[str, ...]
    public_tests: Mapping[str, str]
    hidden_tests: Mapping[str, str]
    edit_format: Literal["whole", "diff"] = "whole"


@dataclass(frozen=True)
class ContestTask:
    """A contest task, whichever format it came from. `row` writes it as a suite holds it, `from_row` reads it back.

    Args:
        id: Unique within its suite.
        title: For people.
        mode: How a program is run.
        statement: What the agent reads.
        languages: Languages that it may use; the first is the default.
        public_tests: The judge's test objects, ``{"stdin", "expected"}`` or ``{"args", "expected"}``.
        hidden_tests: Likewise; they decide, and nobody but the judge sees them.
        checker: The judge's checker object.
        time_limit_s: CPU seconds for one test.
        memory_limit_mb: MiB.
        difficulty: 1 to 3; 0 where it is not known.
        fn_name: In function mode.
        starter: Language to code that the agent starts from.
        interactor: ``{"language", "source"}``, in interactive mode.
        project: In project mode.
        solutions: Right answers; the first is gold.
        wrong: Wrong answers with their verdicts.
        license: Of the statement and the tests.
        source: Where the task comes from.
    """

    id: str
    title: str
    mode: Mode
    statement: str
    languages: tuple[str, ...]
    public_tests: tuple[Mapping[str, Any], ...] = ()
    hidden_tests: tuple[Mapping[str, Any], ...] = ()
    checker: Mapping[str, Any] = field(default_factory=lambda: {"type": "tokens"})
    time_limit_s: float = 2.0
    memory_limit_mb: int = 512
    difficulty: int = 0
    fn_name: str | None = None
    starter: Mapping[str, str] = field(default_factory=dict)
    interactor: Mapping[str, Any] | None = None
    project: Project | None = None
    solutions: tuple[Program, ...] = ()
    wrong: tuple[Program, ...] = ()
    license: str = ""
    source: str = ""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "ContestTask":
        """Read a suite's row.

        Raises:
            TaskError: A field is missing or unknown.
        """
        fields = {key: value for key, value in row.items() if key != "noop_reward"}
        try:
            for key in ("languages", "public_tests", "hidden_tests"):
                fields[key] = tuple(fields.get(key, ()))
            for key in ("solutions", "wrong"):
                fields[key] = tuple(Program(**one) for one in fields.get(key, ()))
            if "project" in fields:
                fields["project"] = Project(**{**fields["project"], "editable": tuple(fields["project"]["editable"])})
            return cls(**fields)
        except (TypeError, KeyError) as error:
            raise TaskError(f"Task {row.get('id')!r} is no code-contest task: {error}") from error

    def row(self) -> dict[str, Any]:
        """The task as one row of a suite, JSON values only."""
        row: dict[str, Any] = {
            "id": self.id,
            "title": self.title,
            "mode": self.mode,
            "difficulty": self.difficulty,
            "statement": self.statement,
            "languages": list(self.languages),
            "time_limit_s": self.time_limit_s,
            "memory_limit_mb": self.memory_limit_mb,
        }
        if self.project is None:
            row["checker"] = dict(self.checker)
            row["public_tests"] = [dict(test) for test in self.public_tests]
            row["hidden_tests"] = [dict(test) for test in self.hidden_tests]
        else:
            row["project"] = _filled(vars(self.project)) | {"editable": list(self.project.editable)}
        optional = {"fn_name": self.fn_name, "starter": self.starter, "interactor": self.interactor}
        row |= _filled({**optional, "license": self.license, "source": self.source})
        row["solutions"] = [_answer(one) for one in self.solutions]
        row["wrong"] = [{"name": one.name, **_answer(one), "verdict": one.verdict} for one in self.wrong]
        return row

    def task(self, *, split: str = "train", suite: str = "") -> Task:
        """The task as `ForgeEnv.reset` takes it."""
        return Task(self.id, self.row(), split, suite)


def write_suite(
    tasks: Mapping[str, Iterable[ContestTask]],
    folder: Path,
    *,
    name: str,
    description: str,
    license: str = "see the rows",
) -> None:
    """Write tasks as a suite that `load_suite` and ``forge tasks validate`` read.

    Args:
        tasks: Split name to its tasks.
        folder: Made where it does not exist.
        name: Of the suite, for example ``code_contest/mine``.
        description: One sentence.
        license: Of the suite.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for split, listed in tasks.items():
        lines = [json.dumps(task.row()) for task in listed]
        (folder / f"{split}.jsonl").write_text("".join(line + "\n" for line in lines), encoding="ascii")
    quoted = json.dumps  # a JSON string is a TOML string
    head = {
        "name": name,
        "env": "forge/CodeContest-v0",
        "schema": SCHEMA,
        "description": description,
        "license": license,
    }
    about = [f"{key} = {quoted(value)}" for key, value in head.items()]
    about += ["version = 1", "", "[splits]"]
    about += [f"{quoted(split)} = [{quoted(f'{split}.jsonl')}]" for split in tasks]
    (folder / "suite.toml").write_text("\n".join(about) + "\n", encoding="utf-8")


def _answer(one: Program) -> dict[str, Any]:
    return {"language": one.language, **({"files": dict(one.files)} if one.files else {"code": one.code})}


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: dict(v) if isinstance(v, Mapping) else v for k, v in values.items() if v not in (None, "", {})}
