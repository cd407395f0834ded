"""The `forge` command. What needs torch is imported by the verb that needs it."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from typer.core import TyperGroup

from forge_envs.core.errors import ForgeError
from forge_train.cli_flake import flake_command
from forge_train.cli_grade import grade_app
from forge_train.cli_grade_swe import swe_command
from forge_train.cli_grade_tau import tau_command
from forge_train.cli_judge import judge_command
from forge_train.cli_predictions import predictions_command
from forge_train.cli_swe import prepare_command
from forge_train.cli_synthesize import synthesize_command
from forge_train.cli_text import make_table, plain


class ForgeGroup(TyperGroup):
    """Shows what Forge raises on purpose as one sentence, with exit status 2 and no traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ForgeError as error:
            Console(stderr=True, emoji=False).print(f"[red]Error:[/] {plain(error)}", highlight=False, soft_wrap=True)
            raise typer.Exit(2) from error


app = typer.Typer(
    cls=ForgeGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="Agent environments for Gymnasium, and what trains on them.",
)
tasks_app = typer.Typer(no_args_is_help=True, help="Work on task suites.")
app.add_typer(tasks_app, name="tasks")
swe_app = typer.Typer(no_args_is_help=True, help="Work on tasks of forge/SWE-v0.")
app.add_typer(swe_app, name="swe")
swe_app.command("prepare")(prepare_command)
app.add_typer(grade_app, name="grade")
grade_app.command("swe")(swe_command)
grade_app.command("tau")(tau_command)
swe_app.command("predictions")(predictions_command)
app.command("judge")(judge_command)
tasks_app.command("flake")(flake_command)
tasks_app.command("synthesize")(synthesize_command)
out = Console(emoji=False)


@app.command("list")
def list_command(
    suite: Annotated[str | None, typer.Argument(help="A bundled suite or a suite folder: lists its tasks.")] = None,
) -> None:
    """List environments and suites, or the tasks of one suite."""
    from forge_envs import ENVIRONMENTS, bundled_suites, load_suite

    if suite is not None:
        loaded = load_suite(suite)
        rows = [(t.id, t.split, t.difficulty, t.data.get("template", "")) for t in loaded]
        title = f"{loaded.name}: {len(loaded)} tasks of {loaded.env}"
        out.print(make_table(title, ("task", "split", "difficulty", "template"), rows))
        return
    out.print(make_table("Environments", ("id", "class"), list(ENVIRONMENTS.items())))
    suites = []
    for name in bundled_suites():
        loaded = load_suite(name)
        splits = sorted({t.split for t in loaded}, reverse=True)
        counts = ", ".join(f"{split} {len(loaded.split(split))}" for split in splits)
        suites.append((name, loaded.env, counts))
    out.print(make_table("Suites", ("suite", "environment", "tasks"), suites))


@app.command()
def play(
    env_id: Annotated[str, typer.Argument(help="A Gymnasium id, for example forge/ToolUse-v0.")],
    task: Annotated[str | None, typer.Option(help="A task id; without it one is drawn.")] = None,
    suite: Annotated[list[str] | None, typer.Option(help="A suite or a folder; may be repeated.")] = None,
    split: Annotated[str, typer.Option(help="'all' means every split.")] = "all",
    seed: Annotated[int, typer.Option(help="Draws the task and seeds the episode.")] = 0,
) -> None:
    """Play an episode yourself: you type what the agent would say."""
    from forge_train.cli_play import play_episode

    play_episode(out, env_id, task=task, suite=suite, split=split, seed=seed)


@app.command("eval")
def eval_command(
    env_id: Annotated[str, typer.Argument(help="A Gymnasium id, for example forge/ToolUse-v0.")],
    policy: Annotated[str, typer.Option(help="gold, noop, openai or transformers:DIR.")] = "gold",
    model: Annotated[str | None, typer.Option(help="The served model's name, for --policy openai.")] = None,
    base_url: Annotated[str | None, typer.Option(help="The endpoint, for example http://127.0.0.1:8000/v1.")] = None,
    suite: Annotated[list[str] | None, typer.Option(help="A suite or a folder; may be repeated.")] = None,
    split: Annotated[str, typer.Option(help="'all' means every split.")] = "heldout",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many tasks.")] = None,
    k: Annotated[int, typer.Option(min=1, help="Episodes for each task.")] = 1,
    concurrency: Annotated[int, typer.Option(min=1, help="Episodes at once.")] = 16,
    temperature: Annotated[float, typer.Option(min=0.0, help="Of sampling; 0 is greedy.")] = 0.0,
    max_tokens: Annotated[int, typer.Option(min=1, help="Tokens of one reply.")] = 1024,
    seed: Annotated[int, typer.Option(help="Seeds episodes, sampling and the interval.")] = 0,
    to: Annotated[Path | None, typer.Option("--out", help="Folder of the record; runs/eval-<time> if absent.")] = None,
) -> None:
    """Evaluate a policy on the tasks of an environment."""
    from forge_train.cli_eval import EvalOptions, evaluate

    evaluate(
        out,
        EvalOptions(
            env_id=env_id,
            policy=policy,
            model=model,
            base_url=base_url,
            suite=tuple(suite or ()),
            split=split,
            limit=limit,
            k=k,
            concurrency=concurrency,
            temperature=temperature,
            max_tokens=max_tokens,
            seed=seed,
            out=to,
        ),
    )


@tasks_app.command("validate")
def validate_command(
    suites: Annotated[list[str] | None, typer.Argument(help="Suites or folders; all bundled ones if absent.")] = None,
    python: Annotated[Path | None, typer.Option(help="A virtual environment for the tests of SWE suites.")] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="Only so many tasks of each suite, at random.")] = None,
    seed: Annotated[int, typer.Option(help="Of the sample.")] = 0,
) -> None:
    """Check suites: rows, ids, gold earns 1.0, doing nothing noop_reward, replays are the same, outputs are known."""
    from forge_envs import bundled_suites
    from forge_envs.validate import validate_suite

    named = suites or bundled_suites()
    reports = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for name in named:
            reports.append(validate_suite(name, python=python, sample=sample, seed=seed, progress=_bar(progress, name)))
    faults = [fault for report in reports for fault in report.faults]
    out.print(make_table("Suites", ("suite", "tasks", "faults"), [(r.suite, r.tasks, len(r.faults)) for r in reports]))
    if faults:
        rows = [(f.suite, f.task_id, f.check, f.detail) for f in faults]
        out.print(make_table("Faults", ("suite", "task", "check", "fault"), rows))
        raise typer.Exit(1)


@tasks_app.command("new")
def new_command(
    kind: Annotated[str, typer.Argument(help="tool-use: a domain as one Python class, with a suite of three tasks.")],
    folder: Annotated[Path, typer.Argument(help="To be made; its last part names module, class and suite.")],
) -> None:
    """Write the skeleton of a new domain, which validates as it is."""
    from forge_envs.core.errors import ConfigError
    from forge_envs.tool_use.skeleton import write_domain

    if kind != "tool-use":
        raise ConfigError(f"Unknown kind {kind!r}: use tool-use.")
    for file in write_domain(folder):
        out.print(plain(file), highlight=False, soft_wrap=True)
    path, suite = shlex.quote(str(folder)), shlex.quote(str(folder / "suite"))
    command = f"PYTHONPATH={path} forge tasks validate {suite}"
    out.print(f"Check it: {plain(command)}", highlight=False, soft_wrap=True)


def _bar(progress: Progress, name: str) -> Callable[[int, int], None]:
    bar = progress.add_task(plain(name), total=None)
    return lambda done, total: progress.update(bar, completed=done, total=total)


if __name__ == "__main__":
    app()
