"""`forge swe predictions`: recorded episodes as a predictions file of swebench."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forge_envs.core.errors import TaskError
from forge_train.cli_grade import about

if TYPE_CHECKING:
    from forge_envs.core.episode import Episode


def predictions_command(
    episodes: Annotated[Path, typer.Argument(help="An episodes.jsonl of forge/SWE-v0, or the folder of a run.")],
    to: Annotated[Path, typer.Option("--out", help="The predictions file, JSON lines.")],
    model: Annotated[str | None, typer.Option(help="model_name_or_path; the policy's name if absent.")] = None,
) -> None:
    """Write swebench predictions: of each task the first patch that is not empty, or else an empty one."""
    from forge_envs.swe.predictions import prediction_line, predictions_of

    lines = [prediction_line(one) + "\n" for one in predictions_of(_episodes(episodes), model=model)]
    to.write_text("".join(lines), encoding="utf-8")
    about.print(f"{len(lines)} predictions", highlight=False)


def _episodes(path: Path) -> "Iterator[Episode]":
    from forge_envs.core.episode import Episode

    file = path / "episodes.jsonl" if path.is_dir() else path
    try:
        # Lines end with a newline only: a JSON text may hold other line separators.
        with file.open(encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    try:
                        yield Episode.from_json(line)
                    except TaskError as error:
                        raise TaskError(f"{file}:{number}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"{file}: {error}") from error
