"""`forge judge`: judges a file of submissions."""

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn


def judge_command(
    file: Annotated[typer.FileBinaryRead, typer.Argument(help="JSON lines, one submission each; - is standard input.")],
    to: Annotated[
        typer.FileTextWrite | None,
        typer.Option("--out", encoding="utf-8", help="Where the lines go; standard output if absent."),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Judge workers; one per core if absent.")] = None,
    isolation: Annotated[
        Literal["auto", "namespaces", "landlock", "none"],
        typer.Option(help="auto takes the best that this machine allows; none has to be asked for."),
    ] = "auto",
) -> None:
    """Judge submissions: a line out for each line in, in the same order.

    Ends with status 1 if some could not be judged because the sandbox or a checker failed (verdict IE).
    """
    from forge_envs.code_contest.judge import open_pool
    from forge_envs.code_contest.judge_jsonl import dump, judge_lines

    verdicts: Counter[str] = Counter()
    sink = to or sys.stdout
    folder = None if file.name in ("-", "<stdin>") else Path(file.name).resolve().parent
    console = Console(stderr=True)
    columns = (TextColumn("{task.completed} judged"), TextColumn("{task.fields[verdicts]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("judge", total=None, verdicts="")
        with open_pool(workers=workers, isolation=isolation) as pool:
            for row in judge_lines(file, pool=pool, folder=folder):
                sink.write(dump(row) + "\n")
                sink.flush()
                verdicts[row.get("verdict", "not judged")] += 1
                progress.update(bar, advance=1, verdicts=_counts(verdicts))
    console.print(_counts(verdicts) or "no submissions", highlight=False)
    if verdicts["IE"]:
        raise typer.Exit(1)


def _counts(verdicts: Counter[str]) -> str:
    return "  ".join(f"{name} {count}" for name, count in sorted(verdicts.items()))
