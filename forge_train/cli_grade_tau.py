"""`forge grade tau`: upstream's verdicts on dialogues that were made elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from forge_envs.core.errors import ConfigError, TaskError
from forge_train.cli_grade import about, write_lines
from forge_train.cli_text import make_table


def tau_command(
    file: Annotated[
        Path, typer.Argument(help="JSON lines: domain, split, task_index or task_id, version (v1 or tau2), steps.")
    ],
    data: Annotated[Path, typer.Option(help="The data folder, or a checkout of upstream's repository.")],
    to: Annotated[
        Path | None, typer.Option("--out", help="Write the verdicts there; standard output if absent.")
    ] = None,
) -> None:
    """Grade tau-bench dialogues: one line {"reward", "done", "db_match", "outputs_match"} for each.

    A step is {"name", "kwargs"}, or {"name": "respond", "kwargs": {"content"}} or {"say"} for a text to the user, each
    with an optional "user_reply". A line that can't be graded gives {"line", "error"}, and the others go on.
    """
    from forge_envs.tool_use.tau.offline import grade_lines

    if not data.is_dir():
        raise ConfigError(f"--data: {data} is not a folder.")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise TaskError(f"{file}: {error.strerror}") from error
    # Lines end with a newline only: a JSON string may hold the other characters that splitlines splits at.
    verdicts = list(grade_lines(content.split(b"\n"), data))
    write_lines(verdicts, to)
    graded = [verdict for verdict in verdicts if "error" not in verdict]
    mean = sum(verdict["reward"] for verdict in graded) / len(graded) if graded else 0.0
    row = (len(graded), sum(v["done"] for v in graded), f"{mean:.4f}", len(verdicts) - len(graded))
    about.print(make_table("tau-bench", ("graded", "done", "mean reward", "not graded"), [row]))
