"""`forge judge`: judges a file of submissions."""

import contextlib
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from forge_envs.sandbox.judge import WorkerPool


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
        with open_pool(workers=workers, isolation=isolation) as pool, _stopped_at_once(pool):
            for row in judge_lines(file, pool=pool, folder=folder):
                sink.write(dump(row) + "\n")
                sink.flush()
                verdicts[row.get("verdict", "not judged")] += 1
                progress.update(bar, advance=1, verdicts=_counts(verdicts))
    console.print(_counts(verdicts) or "no submissions", highlight=False)
    if verdicts["IE"]:
        raise typer.Exit(1)


@contextlib.contextmanager
def _stopped_at_once(pool: "WorkerPool") -> Iterator[None]:
    """SIGINT and SIGTERM end the runs before anything waits for them, and leave nothing on the disk."""

    def stop(number: int, frame: FrameType | None) -> None:
        pool.close()  # this thread never holds the pool's lock: only the threads of `judge_lines` use the pool
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _counts(verdicts: Counter[str]) -> str:
    return "  ".join(f"{name} {count}" for name, count in sorted(verdicts.items()))
