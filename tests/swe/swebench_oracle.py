"""Starting swebench in a Python of its own and asking it. Not a test."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

VARIABLE = "FORGE_SWEBENCH_PYTHON"
SCRIPT = Path(__file__).with_name("swebench_upstream.py")
REASON = f"{VARIABLE} names no Python that has swebench 5"


def oracle_python() -> str | None:
    """The Python that has swebench; None where the environment names none."""
    return os.environ.get(VARIABLE)


class Oracle:
    """A process of swebench that answers questions one by one; to be closed."""

    def __init__(self) -> None:
        python = oracle_python()
        assert python, REASON
        self._process = subprocess.Popen(
            [python, str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def ask(self, kind: str, **question: Any) -> Any:
        """Its answer; None where swebench itself raised an error."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"kind": kind, **question}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"swebench did not answer to {kind}"
        return json.loads(line).get("answer")

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=30)
