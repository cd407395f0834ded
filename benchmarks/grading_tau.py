"""What the end of a tau-bench episode costs, as a ratio to upstream's rule in the same run.

    python benchmarks/grading_tau.py [--quick] [--data ../shared/data/taubench]

The reference is upstream's rule in our own words: hash the agent's database, replay gold on a fresh copy, hash that.
`measure_tau` gives the lines; `benchmarks/grading.py` may show them beside its own.
"""

import argparse
import hashlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from forge_envs.tool_use.tau.data import TauTask, load_tasks
from forge_envs.tool_use.tau.grading import gold_changes, judge, open_backend
from forge_envs.tool_use.tau.tables import Changes, clone

REPO = Path(__file__).resolve().parents[1]
TARGET_US = 5000.0
"""An episode end may cost this; upstream's takes 500,000 to 800,000."""


@dataclass(frozen=True)
class TauMeasure:
    """One line.

    Args:
        name: What is measured.
        ours_us: Microseconds for an episode's end, the median over tasks.
        first_us: The same for a task's first episode, which also replays gold.
        theirs_us: The same by upstream's rule.
    """

    name: str
    ours_us: float
    first_us: float
    theirs_us: float


def measure_tau(data: Path, quick: bool) -> Iterator[TauMeasure]:
    """The end of gold's episode, for each domain and version."""
    for version, split in (("v1", "test"), ("tau2", "base")):
        for domain in ("retail", "airline"):
            tasks = list(load_tasks(data, domain, split, version).values())
            ended = [(task, changes_of(task), list(task.outputs)) for task in tasks]
            first = middle([partial(judge_anew, *one) for one in ended], 3)
            ours = middle([partial(judge, *one) for one in ended], 5)
            theirs = middle([partial(by_hash, *one) for one in ended[:: len(ended) // (2 if quick else 5)]], 1)
            yield TauMeasure(f"tau-bench {version} {domain}, episode end", ours, first, theirs)


def changes_of(task: TauTask) -> Changes:
    """What gold writes."""
    played = open_backend(task.world)
    for action in task.actions:
        played.call(action.name, action.arguments)
    return played.tables.changes()


def judge_anew(task: TauTask, changes: Changes, said: list[str]) -> float:
    """The verdict, with gold replayed as for a task that was never graded before."""
    gold_changes.cache_clear()
    return judge(task, changes, said).reward


def by_hash(task: TauTask, changes: Changes, said: list[str]) -> float:
    """Upstream's rule: two hashes of whole databases, and a fresh copy of one."""
    ours = hash_of(task, {table: {**rows, **changes.get(table, {})} for table, rows in task.world.database.items()})
    fresh: Any = clone(dict(task.world.database))
    for table, rows in changes_of(task).items():
        fresh[table] |= rows
    heard = [text.lower().replace(",", "") for text in said]
    spoken = all(any(output.lower() in text for text in heard) for output in task.outputs)
    return float(ours == hash_of(task, fresh) and spoken)


def hash_of(task: TauTask, database: Any) -> str:
    """The hash of a database by the version's rule."""
    if task.world.version.typed:
        return hashlib.sha256(json.dumps(database, sort_keys=True, default=str).encode()).hexdigest()
    return hashlib.sha256(str(hashable(database)).encode()).hexdigest()


def hashable(item: Any) -> Any:
    """Dicts as sorted tuples of pairs, lists as tuples."""
    if isinstance(item, dict):
        return tuple((key, hashable(value)) for key, value in sorted(item.items()))
    return tuple(hashable(part) for part in item) if isinstance(item, list) else item


def middle(jobs: list[Callable[[], Any]], rounds: int) -> float:
    """The median over jobs of each one's best CPU time, in microseconds."""
    best = []
    for job in jobs:
        times = []
        for _ in range(rounds):
            start = time.process_time()
            job()
            times.append(time.process_time() - start)
        best.append(min(times))
    return statistics.median(best) * 1e6


def main() -> int:
    """Print the lines; 1 if one misses the target."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, default=REPO.parent / "shared/data/taubench")
    options.add_argument("--quick", action="store_true")
    given = options.parse_args()
    missed = False
    for line in measure_tau(given.data, given.quick):
        ratio = f"1/{line.theirs_us / line.ours_us:,.0f} of upstream's rule ({line.theirs_us:,.0f} µs)"
        print(f"{line.name:40} {line.ours_us:9,.1f} µs (first of a task {line.first_us:,.1f}), {ratio}")
        missed |= max(line.ours_us, line.first_us) > TARGET_US
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
