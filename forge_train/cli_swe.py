"""``forge swe prepare``: environments ahead of training, and a report on which rows can be trusted."""

from pathlib import Path
from typing import IO, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from forge_train.cli_text import make_table, plain

out = Console(emoji=False)


def prepare_command(
    rows: Annotated[str, typer.Argument(help="A file of SWE-bench rows, a suite folder, or a bundled suite's name.")],
    mirrors: Annotated[Path | None, typer.Option(help="Folder of clones: owner__name.git.")] = None,
    python: Annotated[Path | None, typer.Option(help="A virtual environment for the tests.")] = None,
    sandbox: Annotated[Literal["local", "docker"], typer.Option(help="Where tests run.")] = "local",
    image: Annotated[
        str | None, typer.Option(help="With docker: in place of each row's, a name or a template.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="How often gold is run.")] = 3,
    workers: Annotated[int, typer.Option(min=1, help="Rows at once.")] = 2,
    boots: Annotated[int, typer.Option(min=1, help="Workspaces that may start at the same moment.")] = 8,
    disk_gb: Annotated[float | None, typer.Option(help="GB that prepared repositories or images may take.")] = None,
    timeout: Annotated[float, typer.Option(min=1.0, help="Seconds for the tests of one run.")] = 1800.0,
    xdist: Annotated[int, typer.Option(min=0, help="Try pytest-xdist with so many processes; 0: don't.")] = 0,
    to: Annotated[Path, typer.Option("--out", help="The flake report, JSON Lines; an old one is continued.")] = Path(
        "swe-prepare.jsonl"
    ),
    good: Annotated[Path | None, typer.Option(help="Write the rows that can be trusted: suite=swebench:FILE.")] = None,
) -> None:
    """Build environments ahead of training, and set rows aside whose gold patch does not resolve every time."""
    from functools import partial

    from forge_envs.core.task import Task
    from forge_envs.swe.grading import OpenWorkspace
    from forge_envs.swe.pool import open_capped
    from forge_envs.swe.prepare import check_rows, fingerprint_of, finished, load_rows, write_good_rows
    from forge_envs.swe.sites import setting, site_of
    from forge_envs.swe.store import check_budget, hold_while, keep_within, leased

    if disk_gb is not None:
        check_budget(disk_gb)
    tasks = load_rows(rows)
    about = " ".join(setting(sandbox=sandbox, python=python, image=image))
    prints = {
        task.id: fingerprint_of(task, repeats=repeats, about=f"{about} xdist={xdist}" if xdist else about)
        for task in tasks
    }
    reports = finished(to, prints)

    def opener(task: Task) -> OpenWorkspace:
        find = partial(site_of, task, sandbox=sandbox, suites=[rows], mirrors=mirrors, python=python, image=image)
        site, held = leased(find)
        opening = hold_while(partial(open_capped, site, boots=boots), held)
        if disk_gb is not None:
            keep_within(site, disk_gb)
        return opening

    todo = [task for task in tasks if task.id not in reports]
    if reports:
        out.print(f"{len(reports)} of {len(tasks)} rows are in {plain(to)} already.", highlight=False)
    to.parent.mkdir(parents=True, exist_ok=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress, to.open("a+b") as file:
        _end_line(file)
        bar = progress.add_task("rows", total=len(tasks), completed=len(reports))
        found = check_rows(
            todo, opener, fingerprints=prints, repeats=repeats, workers=workers, timeout_s=timeout, xdist=xdist
        )
        for report in found:
            file.write(report.line().encode())
            file.flush()
            reports[report.instance_id] = report
            progress.update(bar, advance=1, description=plain(report.instance_id))
    shown = [reports[task.id] for task in tasks]
    table = [
        (
            r.instance_id,
            "good" if r.good else "not run" if r.errors else "set aside",
            f"{r.gold_resolved}/{r.runs}",
            "yes" if r.base_resolved else "no",
            len(r.flapped),
            f"{max(r.seconds, default=0.0):.1f} s",
            "; ".join((*r.errors, *r.problems))[:200],
        )
        for r in shown
    ]
    out.print(make_table(plain(rows), ("row", "", "gold", "base", "flapped", "slowest", "why"), table))
    if good is not None:
        count = write_good_rows(good, tasks, reports)
        out.print(f"{count} rows written: suite=swebench:{plain(good)}", highlight=False, soft_wrap=True)
    if not all(r.good for r in shown):
        raise typer.Exit(1)


def _end_line(file: IO[bytes]) -> None:
    """Cut off a line that a killed run did not end."""
    file.seek(0)
    content = file.read()
    file.truncate(content.rfind(b"\n") + 1)
    file.seek(0, 2)
