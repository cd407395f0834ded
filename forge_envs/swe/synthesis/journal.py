"""What has been found out about candidates, one JSON line each, so that a killed run loses next to nothing."""

import json
import threading
from pathlib import Path
from typing import Any

from forge_envs.swe.synthesis.baseline import Baseline
from forge_envs.swe.synthesis.screen import Screened


class Journal:
    """An append-only file; a line that was cut off is ignored, and another repository's journal is begun anew.

    Args:
        path: The file.
        about: What its results depend on besides the candidate.
    """

    def __init__(self, path: Path, about: str):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], Any] = {}
        lines = path.read_text(encoding="utf-8").split("\n") if path.is_file() else []
        good = []
        for line in lines:
            try:
                held = json.loads(line)
            except ValueError:
                continue
            good.append(line)
            self._known[held["key"], held["kind"]] = held["value"]
        if self._known.get(("", "about")) != about:
            self._known, good = {}, []
        # Written again whole: a line that was cut off must not swallow the next one.
        path.write_text("".join(line + "\n" for line in good), encoding="utf-8")
        self._file = path.open("a", encoding="utf-8")
        if not good:
            self.add("", "about", about)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, key: str, kind: str, value: Any) -> None:
        """Write a result down."""
        line = json.dumps({"key": key, "kind": kind, "value": value}, ensure_ascii=False)
        with self._lock:
            self._known[key, kind] = json.loads(line)["value"]
            self._file.write(line + "\n")
            self._file.flush()

    def screened(self, key: str) -> Screened | None:
        """What came of a candidate's tests."""
        held = self._known.get((key, "screened"))
        if held is None:
            return None
        return Screened(held["reason"], tuple(held["broken"]), tuple(held["files"]), held["failures"])

    def task(self, key: str, seed: str) -> tuple[str, dict[str, Any] | None] | None:
        """Why a candidate is no task, or its row, whose wording depends on the seed."""
        held = self._known.get((key, "task"))
        return None if held is None or held["seed"] != seed else (held["reason"], held["row"])

    def shaky(self) -> frozenset[str]:
        """Tests that failed with a task's gold."""
        tasks = (value for (_, kind), value in self._known.items() if kind == "task")
        return frozenset(test for value in tasks for test in value["shaky"])

    def baseline(self) -> Baseline | None:
        """Of the unchanged repository."""
        held = self._known.get(("", "baseline"))
        if held is None:
            return None
        lines = {
            path: {int(line): frozenset(held["stable"][number] for number in tests) for line, tests in of_file.items()}
            for path, of_file in held["lines"].items()
        }
        others = frozenset(held["others"])
        return Baseline(tuple(held["stable"]), others, held["seconds"], lines, tuple(held["modules"]))

    def add_baseline(self, baseline: Baseline) -> Baseline:
        """Write it down, and give it back."""
        number = {test: index for index, test in enumerate(baseline.stable)}
        lines = {
            path: {line: sorted(number[test] for test in tests) for line, tests in of_file.items()}
            for path, of_file in baseline.lines.items()
        }
        value = {
            "stable": list(baseline.stable),
            "others": sorted(baseline.others),
            "seconds": dict(baseline.seconds),
            "lines": lines,
            "modules": list(baseline.modules),
        }
        self.add("", "baseline", value)
        return baseline
