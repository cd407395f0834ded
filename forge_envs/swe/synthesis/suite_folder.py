"""The files of a synthesized suite, besides its repositories and the journal."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forge_envs.swe.synthesis.report import Yield

_MANIFEST = """\
name = "swe/{name}"
env = "forge/SWE-v0"
schema = "swe.schema.json"
description = "Synthesized from {projects}."
license = "As its repositories"
version = 1

[splits]
"train" = ["train.jsonl"]
"""


def write_suite(folder: Path, names: Sequence[str], rows: Sequence[Mapping[str, Any]], yields: Sequence[Yield]) -> None:
    """Write a suite's rows, manifest and report.

    Args:
        folder: The suite's.
        names: Its repositories.
        rows: Its tasks.
        yields: For ``report.json``.
    """
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "train.jsonl").write_text(lines, encoding="utf-8")
    manifest = _MANIFEST.format(name=_plain(folder.name), projects=", ".join(names))
    (folder / "suite.toml").write_text(manifest, encoding="utf-8")
    report = json.dumps([one.as_json() for one in yields], indent=1) + "\n"
    (folder / "report.json").write_text(report, encoding="utf-8")


def _plain(name: str) -> str:
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "_-") else "-" for letter in name)
