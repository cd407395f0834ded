"""What a synthesis yielded, by strategy, and why the rest was refused."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Yield:
    """Counts of one repository.

    Args:
        project: Its name.
        stable: Tests that pass every time.
        tried: Candidates by strategy.
        tasks: Tasks by strategy.
        refused: Candidates by (strategy, reason).
        wall_s: Seconds on the clock of this run.
        cpu_s: CPU seconds of all sandboxes, graders' included, and of this process and its git, in this run.
        problem: Why the repository can't be used, or not any further; an empty text where it can.
    """

    project: str
    stable: int = 0
    tried: Counter[str] = field(default_factory=Counter)
    tasks: Counter[str] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    wall_s: float = 0.0
    cpu_s: float = 0.0
    problem: str = ""

    def add(self, strategy: str, reason: str) -> None:
        """Count a candidate; without a reason it is a task."""
        self.tried[strategy] += 1
        if reason:
            self.refused[strategy, reason.partition(":")[0]] += 1
        else:
            self.tasks[strategy] += 1

    def take_back(self, strategy: str, reason: str) -> None:
        """Count a task as none after all."""
        self.tasks[strategy] -= 1
        self.refused[strategy, reason] += 1

    def as_json(self) -> dict[str, object]:
        """For ``report.json``."""
        refused: dict[str, dict[str, int]] = {}
        for (strategy, reason), count in sorted(self.refused.items()):
            refused.setdefault(strategy, {})[reason] = count
        return {
            "project": self.project,
            "stable_tests": self.stable,
            "tried": dict(sorted(self.tried.items())),
            "tasks": dict(sorted(self.tasks.items())),
            "refused": refused,
            "wall_s": round(self.wall_s, 1),
            "cpu_s": round(self.cpu_s, 1),
            "problem": self.problem,
        }
