"""What grading costs: BFCL and tau-bench, as ratios to bfcl-eval where it is installed and to tau-bench's hashing rule.

    python benchmarks/grading.py [--quick] [--data ../shared/data/bfcl]

Prints a table; the last line is one JSON object with every number and every target. Exits with 1 if a target is missed.
The environment variable FORGE_BFCL_PYTHON names a Python that has bfcl-eval (pip install --no-deps bfcl-eval mpmath);
without it the ratios are left out. Times are medians over entries, in microseconds.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

REPO = Path(__file__).resolve().parents[1]
ORACLE = REPO / "tests/tool_use/bfcl/upstream_oracle.py"


@dataclass(frozen=True)
class Measure:
    """One line of the table.

    Args:
        name: What is measured.
        ours_us: Microseconds, the median over entries.
        theirs_us: The same for upstream, or None where it was not measured.
        target_us: `ours_us` may be at most this.
    """

    name: str
    ours_us: float
    theirs_us: float | None
    target_us: float

    @property
    def ratio(self) -> float | None:
        """Ours over theirs."""
        return None if self.theirs_us is None else self.ours_us / self.theirs_us

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        return self.ours_us <= self.target_us


def measure_bfcl(data: Path, quick: bool) -> Iterator[Measure]:
    """A single-turn check and a multi-turn episode on gold, with upstream's rules and with the strict ones."""
    from forge_envs.tool_use.bfcl.categories import is_multi_turn, is_relevance, language_of
    from forge_envs.tool_use.bfcl.data import available, load_category, load_long_context, uses_long_context
    from forge_envs.tool_use.bfcl.gold import gold_calls
    from forge_envs.tool_use.bfcl.grading import grade_calls
    from forge_envs.tool_use.bfcl.multi_turn import check_turns
    from forge_envs.tool_use.bfcl.rules import STRICT, UPSTREAM

    single: list[tuple[Any, Any]] = []
    multi: list[tuple[Any, Any, Any]] = []
    for category in available(data):
        entries = load_category(data, category)[:: 10 if quick else 1]
        if is_multi_turn(category):
            for entry in entries:
                extra = load_long_context(data) if uses_long_context(entry.id) else None
                multi.append((entry, [[list(turn)] if turn else [] for turn in entry.gold], extra))
        elif not is_relevance(category):
            single += [(entry, gold_calls(entry.row, entry.gold, category)) for entry in entries]
    questions = [
        {
            "kind": "single",
            "docs": entry.row["function"],
            "gold": entry.gold,
            "category": entry.category,
            "language": language_of(entry.category),
            "model_output": calls,
        }
        for entry, calls in single
    ]
    questions += [
        {
            "kind": "multi",
            "entry": {key: entry.row[key] for key in ("id", "initial_config", "involved_classes")},
            "gold": entry.gold,
            "category": entry.category,
            "model_turns": turns,
        }
        for entry, turns, _ in multi
    ]
    theirs = ask_upstream(questions)
    rounds = 3 if quick else 5
    for name, rules in (("upstream", UPSTREAM), ("strict", STRICT)):
        checks = [partial(grade_calls, entry, calls, rules=rules) for entry, calls in single]
        theirs_us = middle(theirs[: len(single)])
        yield Measure(f"BFCL single-turn check, {name} rules", timed(checks, rounds), theirs_us, 100.0)
        episodes = [
            partial(check_turns, entry.row, entry.gold, turns, rules=rules, extra=extra)
            for entry, turns, extra in multi
        ]
        theirs_us = middle(theirs[len(single) :])
        yield Measure(f"BFCL multi-turn episode, {name} rules", timed(episodes, rounds), theirs_us, 2000.0)


def measure_tau_ends(data: Path, quick: bool) -> Iterator[Measure]:
    """The end of a tau-bench episode; "upstream" is its hashing rule in our own words (`grading_tau.by_hash`)."""
    from grading_tau import TARGET_US, measure_tau

    for line in measure_tau(data, quick):
        yield Measure(line.name, line.ours_us, line.theirs_us, TARGET_US)


def timed(jobs: list[Callable[[], Any]], rounds: int) -> float:
    """The median over jobs of each one's best time, in microseconds."""
    best = []
    for job in jobs:
        times = []
        for _ in range(rounds):
            start = time.perf_counter()
            job()
            times.append(time.perf_counter() - start)
        best.append(min(times))
    return statistics.median(best) * 1e6


def ask_upstream(questions: list[dict[str, Any]]) -> list[float]:
    """Seconds that upstream takes for each question, the best of three; nothing where it is not installed."""
    python = os.environ.get("FORGE_BFCL_PYTHON")
    if python is None:
        return []
    lines = "".join(json.dumps(question) + "\n" for question in questions for _ in range(3))
    done = subprocess.run([python, str(ORACLE)], input=lines, capture_output=True, text=True, timeout=900, check=True)
    seconds = [json.loads(line)["seconds"] for line in done.stdout.splitlines()]
    return [min(seconds[at : at + 3]) for at in range(0, len(seconds), 3)]


def middle(seconds: list[float]) -> float | None:
    """The median in microseconds."""
    return statistics.median(seconds) * 1e6 if seconds else None


def report(measures: list[Measure]) -> bool:
    """Print the table and the JSON line; whether every target is met."""
    table = Table(title="Grading, microseconds (median)")
    for column in ("what", "ours", "upstream", "ratio", "target", ""):
        table.add_column(column, justify="left" if column == "what" else "right")
    for m in measures:
        theirs = "-" if m.theirs_us is None else f"{m.theirs_us:.1f}"
        ratio = "-" if m.ratio is None else f"{m.ratio:.2g}"
        mark = "met" if m.met else "MISSED"
        table.add_row(m.name, f"{m.ours_us:.1f}", theirs, ratio, f"{m.target_us:.0f}", mark)
    Console().print(table)
    rows = [{**asdict(m), "ratio": m.ratio, "met": m.met} for m in measures]
    met = all(m.met for m in measures)
    print(json.dumps({"benchmark": "grading", "met": met, "measures": rows}))
    return met


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the entries")
    parser.add_argument("--data", type=Path, default=REPO / "../shared/data/bfcl", help="upstream's BFCL data folder")
    parser.add_argument("--tau", type=Path, default=REPO / "../shared/data/taubench", help="tau-bench's data folder")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"No BFCL data at {options.data}: name upstream's data folder with --data.")
    measures = list(measure_bfcl(options.data.resolve(), options.quick))
    if options.tau.is_dir():
        measures += measure_tau_ends(options.tau.resolve(), options.quick)
    sys.exit(not report(measures))


if __name__ == "__main__":
    main()
