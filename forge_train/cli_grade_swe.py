"""`forge grade swe`: verdicts on patches that were made elsewhere."""

import json
import os
import sys
from collections.abc import Iterable
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.progress import Progress

from forge_envs.core.errors import ConfigError, TaskError
from forge_train.cli_grade import about, read_lines
from forge_train.cli_text import make_table, plain

if TYPE_CHECKING:
    from forge_envs.core.task import Task
    from forge_envs.swe.predictions import Prediction
    from forge_envs.swe.report import Result


def swe_command(
    rows: Annotated[str, typer.Option(help="Rows (.json, .jsonl, .parquet), a task repository, hf:NAME, or a suite.")],
    predictions: Annotated[str, typer.Option(help="swebench's predictions (.json or .jsonl), or gold.")],
    sandbox: Annotated[Literal["local", "docker"], typer.Option(help="What the tests run in.")] = "local",
    mirrors: Annotated[Path | None, typer.Option(help="Folder of clones, owner__name.git.")] = None,
    python: Annotated[Path | None, typer.Option(help="A virtual environment with what the tests import.")] = None,
    image: Annotated[str | None, typer.Option(help="With docker: an image in place of the row's.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Instances at once.")] = 1,
    timeout: Annotated[float, typer.Option(min=1.0, help="Seconds for the tests of one instance.")] = 1800.0,
    to: Annotated[
        Path | None,
        typer.Option("--out", help="Write the lines there; what it already has is kept. Standard output if absent."),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write swebench's summary there.")] = None,
    logs: Annotated[Path | None, typer.Option(help="Write MODEL/INSTANCE/report.json and the logs there.")] = None,
) -> None:
    """Grade patches: one JSON line for each instance, and swebench's summary with --report.

    A run that was stopped goes on where it was: instances of --out are not run again, unless their patch, their row or
    an option is another one, or what failed was not the patch's fault. Lines of other instances stay. Ends with status
    1 if some could not be graded for such a reason.
    """
    from forge_envs.swe.offline import fingerprint_of, grade_predictions
    from forge_envs.swe.pool import opener
    from forge_envs.swe.predictions import read_predictions
    from forge_envs.swe.report import summary_report
    from forge_envs.swe.sites import setting, site_of

    tasks = _tasks(rows)
    asked = read_predictions(predictions, tasks)
    known = {task.id: task for task in tasks}
    mine = {name: one for name, one in asked.items() if name in known}
    if not mine:
        raise TaskError(f"{predictions}: none of its {len(asked)} instances is among the {len(tasks)} of {rows}.")
    how = (*setting(sandbox=sandbox, python=python, image=image), timeout)
    prints = {name: fingerprint_of(known[name], one, about=how) for name, one in mine.items()}
    earlier = {result.instance_id: result for result in _earlier(to)}
    kept = {
        name: replace(result, model=mine[name].model)
        for name, result in earlier.items()
        if result.resolved is not None and prints.get(name) == result.fingerprint
    }
    _rewrite(to, [kept.get(name, result) for name, result in earlier.items() if name in kept or name not in mine])
    results = dict(kept)
    todo = {name: one for name, one in mine.items() if name not in kept}

    def open_one(task: "Task") -> Any:
        options: dict[str, Any] = {"sandbox": sandbox, "mirrors": mirrors, "python": python, "image": image}
        return opener(lambda: site_of(task, suites=[rows], **options))[1]()

    graded = grade_predictions(tasks, todo, open_workspace=open_one, workers=workers, timeout_s=timeout)
    sink = nullcontext(None) if to is None else to.open("a", encoding="utf-8")
    with Progress(console=about, transient=True) as progress, sink as file, closing(graded):
        bar = progress.add_task("grade", total=len(mine), completed=len(kept))
        for graded_one, log in graded:
            result = replace(graded_one, fingerprint=prints[graded_one.instance_id])
            line = json.dumps(result.to_line())
            if file is None:
                sys.stdout.write(line + "\n")
                sys.stdout.flush()
            else:
                file.write(line + "\n")
                file.flush()
            results[result.instance_id] = result
            if logs is not None:
                _write_logs(logs, result, mine[result.instance_id], log)
            progress.update(bar, advance=1)
    if report is not None:
        summary = summary_report([task.id for task in tasks], asked, results.values())
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(json.dumps(summary, indent=4) + "\n", encoding="utf-8")
    _tell(results.values(), asked=len(asked), unknown=len(asked) - len(mine), rows=len(tasks))
    if any(result.resolved is None for result in results.values()):
        raise typer.Exit(1)


def _tasks(rows: str) -> "list[Task]":
    from forge_envs import bundled_suites, load_suite
    from forge_envs.swe.task import load_swe_tasks

    if rows in bundled_suites() or (Path(rows) / "suite.toml").is_file():
        suite = load_suite(rows)
        if suite.env != "forge/SWE-v0":
            raise ConfigError(f"--rows: {rows} is a suite of {suite.env}, not of forge/SWE-v0.")
        return list(suite)
    return load_swe_tasks(rows)


def _earlier(to: Path | None) -> "list[Result]":
    """What an earlier run wrote; a last line without its end, where that run was killed, is none."""
    from forge_envs.swe.report import Result

    if to is None or not to.exists():
        return []
    whole = to.read_bytes()
    end = whole.rfind(b"\n") + 1
    if end < len(whole):
        to.write_bytes(whole[:end])
    return [Result.from_line(line) for _, line in read_lines(to)]


def _rewrite(to: Path | None, kept: "Iterable[Result]") -> None:
    """Only lines that count, or that are of other instances, stay, each once."""
    if to is None:
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    beside = to.with_name(f".{to.name}.{os.getpid()}")
    beside.write_text("".join(json.dumps(result.to_line()) + "\n" for result in kept), encoding="utf-8")
    beside.replace(to)


def _write_logs(logs: Path, result: "Result", prediction: "Prediction", log: str) -> None:
    """As in swebench's ``logs/run_evaluation/RUN``: no report.json where swebench writes none."""
    from forge_envs.swe.report import instance_report

    model = result.model.replace("/", "__")
    folder = logs / ("none" if model in ("", ".", "..") else model) / result.instance_id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "patch.diff").write_bytes((prediction.patch or "").encode(errors="surrogateescape"))
    (folder / "test_output.txt").write_text(log, encoding="utf-8", errors="replace")
    report = folder / "report.json"
    if result.completed:
        report.write_text(json.dumps(instance_report(result), indent=4), encoding="utf-8")
    else:
        report.unlink(missing_ok=True)  # of an earlier run


def _tell(results: "Iterable[Result]", *, asked: int, unknown: int, rows: int) -> None:
    done = list(results)
    failed = [result for result in done if result.resolved is None]
    row = (
        rows,
        asked,
        sum(result.resolved is True for result in done),
        sum(result.resolved is False for result in done),
        sum(result.empty for result in done),
        len(failed),
        unknown,
    )
    head = ("rows", "patches", "resolved", "unresolved", "empty", "failed", "unknown")
    about.print(make_table("SWE", head, [row]))
    for result in failed[:10]:
        about.print(plain(f"{result.instance_id}: {result.infrastructure_error}"), highlight=False, soft_wrap=True)
