"""``forge tasks flake``: judges solutions many times and sets unstable tasks aside."""

from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress

from forge_train.cli_text import make_table, plain

out = Console(emoji=False)


def flake_command(
    suite: Annotated[str, typer.Argument(help="A bundled suite or a folder, of forge/CodeContest-v0.")],
    k: Annotated[int, typer.Option("-k", min=2, help="How often each solution is judged.")] = 10,
    load: Annotated[float, typer.Option(min=0.1, help="Runs at once for each core.")] = 2.0,
    wrong: Annotated[bool, typer.Option("--wrong", help="Judge the listed wrong solutions, too.")] = False,
    isolation: Annotated[
        Literal["auto", "namespaces", "landlock", "none"],
        typer.Option(help="auto takes the best that this machine allows; none has to be asked for."),
    ] = "auto",
    write: Annotated[bool, typer.Option(help="Write the suite's quarantine file, which the environment reads.")] = True,
) -> None:
    """Judge each solution many times under load, and set tasks aside whose verdict is not always the same."""
    from forge_envs.code_contest.flake import flake_report, unstable_rows
    from forge_envs.code_contest.quarantine import FILE, suite_folder, write_quarantine

    folder = suite_folder(suite)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(plain(suite), total=None)
        reports = flake_report(
            suite,
            k=k,
            load=load,
            wrong=wrong,
            isolation=isolation,
            progress=lambda done, total: progress.update(bar, completed=done, total=total),
        )
    rows = [
        (r.task_id, r.solution, r.expected, ", ".join(f"{v} {n}" for v, n in r.verdicts.items()), f"{r.slowest:.0%}")
        for r in reports
    ]
    out.print(make_table(f"{suite}: {k} runs each", ("task", "solution", "expected", "verdicts", "of the limit"), rows))
    unstable = unstable_rows(reports)
    if write:
        write_quarantine(folder / FILE, unstable)
    for row in unstable:
        out.print(plain(f"unstable: {row['task_id']} ({row['reason']})"), highlight=False, soft_wrap=True)
    if unstable:
        raise typer.Exit(1)
