"""Compare finished runs of train_rl.py: each one's held-out reward, and RL over SFT pooled over seeds.

python examples/compare_runs.py runs/seed0 runs/seed1 runs/seed2 --control runs/control
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from forge_train.evaluate import Interval, paired_interval


def main() -> None:
    """Print the table and the pooled intervals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--control", nargs="*", type=Path, default=[], help="runs with shuffled rewards")
    arguments = parser.parse_args()
    table = Table("run", "seed", "before SFT", "after SFT", "after RL", "RL - SFT, paired", "seconds")
    for folder in [*arguments.runs, *arguments.control]:
        result = read(folder)
        held_out = [str(Interval(**result["held_out"][stage])) for stage in ("before", "sft", "rl")]
        gain = Interval(**result["rl_minus_sft"])
        table.add_row(folder.name, str(result["seed"]), *held_out, str(gain), str(result["seconds"]))
    Console(width=160).print(table)
    print(f"RL - SFT over {len(arguments.runs)} seeds: {pooled(arguments.runs)}")
    if arguments.control:
        print(f"control with shuffled rewards: {pooled(arguments.control)}")


def read(folder: Path) -> dict[str, Any]:
    """A run's results.json."""
    loaded: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return loaded


def pooled(folders: list[Path]) -> Interval:
    """RL over SFT, each task's scores averaged over the runs and then resampled by task."""
    results = [read(folder)["tasks"] for folder in folders]
    means = {
        stage: {task: float(np.mean([r[stage][task] for r in results])) for task in results[0][stage]}
        for stage in ("sft", "rl")
    }
    return paired_interval(means["rl"], means["sft"])


if __name__ == "__main__":
    main()
