"""``forge tasks synthesize``: makes new tasks of repositories."""

import os
from pathlib import Path
from typing import Annotated, Literal, cast

import typer
from rich.console import Console
from rich.progress import Progress

from forge_envs.core.errors import ConfigError
from forge_train.cli_text import make_table, plain

out = Console(emoji=False)


def synthesize_command(
    kind: Annotated[Literal["swe"], typer.Argument(help="swe: bugs for forge/SWE-v0.")],
    repositories: Annotated[list[Path], typer.Argument(help="Folders or git repositories whose tests pass.")],
    to: Annotated[Path, typer.Option("--out", help="The suite's folder; a run that was stopped goes on there.")],
    python: Annotated[Path | None, typer.Option(help="A virtual environment; pytest alone if absent.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Tasks of each repository.")] = 60,
    minutes: Annotated[float, typer.Option(min=0.1, help="For each repository.")] = 45.0,
    seed: Annotated[int, typer.Option(help="Chooses candidates and wording.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Sandboxes at once.")] = 2,
    decontaminate: Annotated[
        list[str] | None,
        typer.Option(help="Rows, suite, swe-bench or owner/name to keep out; may be repeated."),
    ] = None,
    strategy: Annotated[
        list[str] | None,
        typer.Option(help="Only mutation, removal, rewrite, combination or reversal; may be repeated."),
    ] = None,
    endpoint: Annotated[str | None, typer.Option(help="A chat endpoint that words the issues; with --model.")] = None,
    model: Annotated[str | None, typer.Option(help="The served model's name; OPENAI_API_KEY is the key.")] = None,
    runs: Annotated[int, typer.Option(min=2, help="Runs of the unchanged suite; all have to agree.")] = 5,
    checks: Annotated[int, typer.Option(min=1, help="Gradings of gold and of nothing, for each task.")] = 2,
) -> None:
    """Make new tasks of repositories with passing tests; everything of theirs runs in the sandbox."""
    from forge_envs.swe.synthesis import Options, synthesize
    from forge_envs.swe.synthesis.chat_issue import ChatSpec
    from forge_envs.swe.synthesis.mutations import STRATEGIES, Strategy

    if (endpoint is None) != (model is None):
        raise ConfigError("Issues from an endpoint need both --endpoint and --model.")
    key = os.environ.get("OPENAI_API_KEY") or "none"
    chat = None if endpoint is None or model is None else ChatSpec(endpoint, model, key)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bars = {}

        def show(name: str, tasks: int, most: int, tried: int) -> None:
            if name not in bars:
                bars[name] = progress.add_task(plain(name), total=most)
            progress.update(bars[name], completed=tasks, description=plain(f"{name}: {tried} tried"))

        options = Options(
            python=None if python is None else str(python),
            limit=limit,
            minutes=minutes,
            seed=seed,
            workers=workers,
            strategies=cast(tuple[Strategy, ...], tuple(strategy or STRATEGIES)),
            decontaminate=tuple(decontaminate or ()),
            chat=chat,
            runs=runs,
            checks=checks,
            progress=show,
        )
        yields = synthesize(repositories, to, options)
    rows = [(y.project, name, tried, y.tasks[name]) for y in yields for name, tried in sorted(y.tried.items())]
    out.print(make_table("Yield", ("repository", "strategy", "tried", "tasks"), rows))
    refused = [(y.project, name, why, n) for y in yields for (name, why), n in sorted(y.refused.items())]
    out.print(make_table("Refused", ("repository", "strategy", "reason", "candidates"), refused))
    for one in yields:
        if one.problem:
            out.print(plain(f"{one.project}: {one.problem}"), highlight=False, soft_wrap=True)
    out.print(f"{sum(sum(y.tasks.values()) for y in yields)} tasks in {plain(to)}", highlight=False, soft_wrap=True)
    if not any(y.tasks for y in yields):
        raise typer.Exit(1)
