"""What a task of software engineering is: one row in SWE-bench's field names."""

import hashlib
import json
import re
import shlex
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from forge_envs.core.errors import TaskError
from forge_envs.core.task import Task, TaskSuite
from forge_envs.swe.dialects import completed, environment_of, is_smith
from forge_envs.swe.diffs import touched_paths
from forge_envs.swe.eval_script import read_eval_script
from forge_envs.swe.rows import split_of, swe_rows

EvalType = Literal["pass_and_fail", "fail_only"]
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_TEXTS = ("instance_id", "repo", "problem_statement")


@dataclass(frozen=True)
class SWETask:
    """One issue of one repository, with the tests that tell whether it is solved.

    An agent sees `problem_statement` and the repository; nothing else of this, and ``hints_text`` is not even kept.

    Args:
        id: SWE-bench's ``instance_id``.
        repo: ``owner/name``.
        base_commit: The commit before the fix; empty where only an image or `bug_patch` tells (SWE-smith).
        problem_statement: The issue.
        patch: The gold patch; empty where there is none.
        test_patch: What the hidden tests change.
        fail_to_pass: Ids of the tests that the fix makes pass.
        pass_to_pass: Ids of the tests that must go on passing.
        test_command: The shell command that runs them in the repository's folder.
        log_parser: A name in `forge_envs.swe.logs.PARSERS`.
        eval_type: ``fail_only`` (JavaScript repositories): a test that the log does not name has passed.
        version: SWE-bench's ``version``.
        image: Docker image; None where the row names none and its makers are not known.
        bug_patch: Where the repository or the image does not have the bug: what puts it there, before anybody sees it.
        exports: Shell lines that set the environment of the tests.
        setup: Shell lines that a container needs after the patch, as a reinstall; failing ones change nothing.
        xdist: pytest-xdist gives the same verdict (`forge swe prepare --xdist` found out), so that tests may run in
            parallel.
    """

    id: str
    repo: str
    base_commit: str
    problem_statement: str
    patch: str
    test_patch: str
    fail_to_pass: tuple[str, ...]
    pass_to_pass: tuple[str, ...]
    test_command: str
    log_parser: str = "parse_log_pytest"
    eval_type: EvalType = "pass_and_fail"
    version: str = ""
    image: str | None = None
    bug_patch: str = ""
    exports: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    xdist: bool = False

    @classmethod
    def from_row(cls, row: Mapping[str, Any], where: str = "row") -> "SWETask":
        """Read a row of SWE-bench, of its relatives or of a bundled suite; `dialects.completed` fills what it lacks.

        The test command is the row's ``test_cmd``, else what its ``eval_script`` runs between swebench's markers, else
        pytest on the files that the test ids name.

        Args:
            row: JSON values. Lists of test ids may be JSON in a text, as on the hub.
            where: Names the row in errors.

        Raises:
            TaskError: A field is missing or of the wrong kind; an empty FAIL_TO_PASS, which any patch would meet.
        """
        row = completed(row, where)
        texts = {name: _text(row, name, where) for name in _TEXTS}
        own_base = bool(row.get("bug_patch"))
        texts |= {name: _text(row, name, where, needed=not own_base) for name in ("base_commit", "test_patch")}
        if not _ID.match(texts["instance_id"]):
            raise TaskError(f"{where}: instance_id: {texts['instance_id'][:80]!r} is no id.")
        fail_to_pass = _ids(row, "FAIL_TO_PASS", where)
        pass_to_pass = _ids(row, "PASS_TO_PASS", where)
        if not fail_to_pass:
            raise TaskError(f"{where}: FAIL_TO_PASS: empty, so that every patch would solve it.")
        kind: Any = row.get("eval_type") or "pass_and_fail"
        if kind not in get_args(EvalType):
            raise TaskError(f"{where}: eval_type: {kind!r} is none of {list(get_args(EvalType))}.")
        script = read_eval_script(_text(row, "eval_script", where, needed=False))
        exports, setup = ([], []) if row.get("eval_script") else environment_of(row)
        return cls(
            id=texts["instance_id"],
            repo=texts["repo"],
            base_commit=texts["base_commit"],
            problem_statement=texts["problem_statement"],
            patch=_text(row, "patch", where, needed=False),
            test_patch=texts["test_patch"],
            fail_to_pass=fail_to_pass,
            pass_to_pass=pass_to_pass,
            test_command=_command(row, script.command, (*fail_to_pass, *pass_to_pass), texts["test_patch"]),
            log_parser=_text(row, "log_parser", where),
            eval_type=kind,
            version=_text(row, "version", where, needed=False),
            image=_text(row, "image", where, needed=False) or None,
            bug_patch=_text(row, "bug_patch", where, needed=False),
            exports=(*exports, *script.exports),
            setup=(*setup, *script.setup),
            xdist=row.get("xdist") is True,
        )


def load_swe_tasks(source: str | Path) -> list[Task]:
    """Rows of a source as tasks, for ``reset(options={"task": ...})``; each is completed and checked.

    Rows of SWE-smith that have no issue text are left out, with one warning.

    Args:
        source: See `rows.swe_rows`.

    Raises:
        TaskError: A row is wrong, or an instance id occurs twice; the message names file and row.
    """
    tasks: dict[str, Task] = {}
    silent = 0
    for number, row in enumerate(swe_rows(source), start=1):
        where = f"{source}: row {number}"
        if is_smith(row) and not row.get("problem_statement"):
            silent += 1
            continue
        full = completed(row, where)
        task = SWETask.from_row(full, where)
        if task.id in tasks:
            raise TaskError(f"{where}: instance_id: {task.id!r} occurs twice.")
        tasks[task.id] = Task(task.id, full, suite=Path(str(source)).stem)
    if silent:
        warnings.warn(f"{source}: {silent} rows without a problem_statement are left out.", stacklevel=2)
    return list(tasks.values())


def load_swebench(scheme: str, source: str) -> TaskSuite:
    """Rows as a suite, for ``suite="swebench:SOURCE"``; its tasks have the split of `rows.split_of`.

    Args:
        scheme: Of the suite's name.
        source: See `rows.swe_rows`.

    Raises:
        TaskError: As `load_swe_tasks`.
    """
    tasks = tuple(replace(task, split=split_of(source)) for task in load_swe_tasks(source))
    digest = hashlib.sha256()
    for task in tasks:
        digest.update(json.dumps(task.data, sort_keys=True).encode())
    return TaskSuite(f"{scheme}/{Path(source).stem}", "forge/SWE-v0", tasks, digest.hexdigest())


def _text(row: Mapping[str, Any], name: str, where: str, *, needed: bool = True) -> str:
    value = row.get(name)
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or (needed and not value):
        raise TaskError(f"{where}: {name}: expected a text, found {type(value).__name__ if value != '' else 'none'}.")
    return value


def _ids(row: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    value = row.get(name)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise TaskError(f"{where}: {name}: not JSON: {error}") from error
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise TaskError(f"{where}: {name}: expected a list of test ids.")
    return tuple(value)


def _command(row: Mapping[str, Any], script_command: str | None, ids: tuple[str, ...], test_patch: str) -> str:
    given = row.get("test_cmd")
    if isinstance(given, list):  # SWE-rebench writes a list of lines
        given = "\n".join(map(str, given))
    if given:
        return str(given)
    if script_command is not None:
        return script_command
    files = sorted({name.partition("::")[0] for name in ids if "::" in name})
    files = files or [path for path in touched_paths(test_patch) if path.endswith(".py")]
    return shlex.join(["python", "-m", "pytest", "-rA", *files])
