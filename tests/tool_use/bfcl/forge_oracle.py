"""Starting upstream's oracle and asking it, beside Forge's own graders. Not a test."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forge_envs.tool_use.bfcl.categories import language_of
from forge_envs.tool_use.bfcl.data import Entry

VARIABLE = "FORGE_BFCL_PYTHON"
DATA = Path(__file__).resolve().parents[3] / "../shared/data/bfcl"
SCRIPT = Path(__file__).with_name("upstream_oracle.py")


def oracle_python() -> str | None:
    """The Python that has bfcl-eval; None where the environment names none."""
    return os.environ.get(VARIABLE)


def ask(questions: Sequence[dict[str, Any]], *, timeout_s: float = 900) -> list[dict[str, Any]]:
    """Upstream's answers, in order."""
    python = oracle_python()
    assert python, f"{VARIABLE} names the Python that has bfcl-eval"
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    done = subprocess.run([python, str(SCRIPT)], input=lines, capture_output=True, text=True, timeout=timeout_s)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(questions), done.stderr[-2000:]
    return answers


def single_question(entry: Entry, line: dict[str, Any]) -> dict[str, Any]:
    """A question about one line of a single-turn entry."""
    return {
        "kind": "single",
        "docs": entry.row["function"],
        "gold": entry.gold,
        "category": entry.category,
        "language": language_of(entry.category),
        **line,
    }


def multi_question(entry: Entry, line: dict[str, Any]) -> dict[str, Any]:
    """A question about one line of a multi-turn entry."""
    kept = {key: entry.row[key] for key in ("id", "initial_config", "involved_classes")}
    return {"kind": "multi", "entry": kept, "gold": entry.gold, "category": entry.category, **line}
