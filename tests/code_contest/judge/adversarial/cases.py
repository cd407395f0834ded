"""The cases as data: each TOML file is a group with defaults, each `[[case]]` a submission with its verdicts."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from problems import tests_of

HERE = Path(__file__).parent
FIELDS = ("language", "mode", "fn_name", "checker", "time_limit_s", "memory_limit_mb")


@dataclass(frozen=True)
class AdversarialCase:
    """A submission and what it may get.

    Args:
        group: Name of its file.
        name: Unique in the group.
        verdicts: Those that are right; the first is the usual one.
        row: The submission as `forge judge` takes it, without tests.
        problem: Names its tests.
        tests: Its own tests, in place of a problem's.
        needs: A package that has to be installed.
    """

    group: str
    name: str
    verdicts: tuple[str, ...]
    row: dict[str, Any]
    problem: str
    tests: tuple[dict[str, Any], ...] = ()
    needs: str | None = None

    def submission(self, folder: Path) -> dict[str, Any]:
        """The whole row; large input goes into the folder."""
        tests = list(self.tests) or tests_of(self.problem, folder)
        return {**self.row, "tests": tests, "stop_at_first_failure": True}


@cache
def load_cases() -> tuple[AdversarialCase, ...]:
    """Every case of every group."""
    return tuple(case for path in sorted(HERE.glob("*.toml")) for case in _load(path))


def _load(path: Path) -> list[AdversarialCase]:
    group = tomllib.loads(path.read_text(encoding="utf-8"))
    cases = []
    for own in group.pop("case"):
        values = {**group, **own}
        code = values["code"] if "code" in values else "".join(text * times for text, times in values["pieces"])
        row = {key: values[key] for key in FIELDS if key in values}
        row |= {"name": f"{path.stem}: {values['name']}", "code": values.get("prelude", "") + code}
        tests = tuple(values.get("tests", ()))
        verdicts = tuple(values["verdict"])
        cases.append(
            AdversarialCase(path.stem, values["name"], verdicts, row, values["problem"], tests, values.get("needs"))
        )
    return cases
