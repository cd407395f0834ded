"""`forge grade`: verdicts on outputs that were made elsewhere, one JSON line for each."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from forge_envs.core.errors import TaskError
from forge_train.cli_text import make_table

grade_app = typer.Typer(no_args_is_help=True, help="Grade outputs that were made elsewhere.")
about = Console(stderr=True, emoji=False)


@grade_app.command("bfcl")
def bfcl_command(
    file: Annotated[
        Path, typer.Argument(help="JSON lines: id, and model_output, raw_output with mode, or model_turns.")
    ],
    data: Annotated[Path, typer.Option(help="The folder with upstream's BFCL_v4_*.json files.")],
    compat: Annotated[str, typer.Option(help="strict, or upstream with its quirks.")] = "strict",
    to: Annotated[
        Path | None, typer.Option("--out", help="Write the verdicts there; standard output if absent.")
    ] = None,
) -> None:
    """Grade BFCL v3 outputs: one line {"id", "valid", "error_type"} for each, and the accuracies on standard error."""
    from forge_envs.tool_use.bfcl.categories import CATEGORIES, category_of
    from forge_envs.tool_use.bfcl.grading import Grader, scores

    grader = Grader(data, compat=compat)
    judged: list[tuple[str, bool]] = []
    verdicts = []
    for number, line in read_lines(file):
        try:
            result = grader.grade(line)
        except TaskError as error:
            raise TaskError(f"{file}:{number}: {error}") from error
        judged.append((line.get("category") or category_of(line["id"]), result.valid))
        verdicts.append({"id": line["id"], "valid": result.valid, "error_type": result.error_type})
    write_lines(verdicts, to)
    table, means = scores(judged)
    rows: list[tuple[object, ...]] = []
    for name in CATEGORIES:
        if name in table:
            right, graded = table[name]
            rows.append((name, right, graded, f"{right / graded:.4f}"))
    rows += [(f"{name} (v3)", "", "", f"{mean:.4f}") for name, mean in means.items()]
    about.print(make_table(f"BFCL v3, {compat} rules", ("category", "right", "graded", "accuracy"), rows))


def read_lines(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers and JSON objects of a file of outputs; empty lines are passed over.

    Raises:
        TaskError: The file is missing, or a line of it is not a JSON object.
    """
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError as error:
        raise TaskError(f"{file}: {error.strerror}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise TaskError(f"{file}:{number}: not JSON: {error}") from error
        if not isinstance(found, dict):
            raise TaskError(f"{file}:{number}: not a JSON object.")
        yield number, found


def write_lines(rows: list[dict[str, Any]], to: Path | None) -> None:
    """JSON lines into a file, or onto standard output."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if to is None:
        sys.stdout.write(text)
    else:
        to.write_text(text, encoding="utf-8")
