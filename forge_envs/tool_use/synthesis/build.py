"""From templates to a suite's files: numbering, what doing nothing earns, checks, JSON lines."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forge_envs.core.errors import TaskError
from forge_envs.tool_use.synthesis.desk import Draft
from forge_envs.tool_use.synthesis.entities import Source, Split

SPLITS: tuple[Split, ...] = ("train", "heldout")
_SUITE_TOML = """\
name = "tool_use/{domain}"
env = "forge/ToolUse-v0"
version = 1
schema = "tool_use.schema.json"
description = "{description}"
license = "Apache-2.0"

[splits]
train = ["train.jsonl"]
heldout = ["heldout.jsonl"]
"""


@dataclass(frozen=True)
class Template:
    """A kind of task.

    Args:
        write: Makes the n-th task of this kind in a split. Its function's name is the template's name.
        difficulty: 1, 2 or 3.
        train: How many training tasks; 0 keeps the template for held-out tasks.
        heldout: How many held-out tasks.
    """

    write: Callable[[Source, int], Draft]
    difficulty: int
    train: int
    heldout: int

    @property
    def name(self) -> str:
        """What the rows call it."""
        return self.write.__name__


@dataclass(frozen=True)
class Suite:
    """A domain's tasks, before they are written.

    Args:
        domain: Name of the domain.
        description: One sentence for suite.toml.
        templates: Templates with their counts.
    """

    domain: str
    description: str
    templates: tuple[Template, ...]


def build_rows(suite: Suite, split: Split, seed: int = 0) -> list[dict[str, Any]]:
    """All tasks of one split, in a mixed order.

    Args:
        suite: Domain and templates.
        split: Which one; entities of the two are disjoint.
        seed: Same seed, same rows.

    Raises:
        TaskError: A template wrote a task that breaks a rule of the suite.
    """
    drafts: list[tuple[Template, Draft]] = []
    for template in suite.templates:
        for index in range(template.train if split == "train" else template.heldout):
            rng = random.Random(f"{seed}-{suite.domain}-{split}-{template.name}-{index}")
            drafts.append((template, template.write(Source(split, rng), index)))
    random.Random(f"{seed}-{suite.domain}-{split}-order").shuffle(drafts)
    rows = []
    for number, (template, draft) in enumerate(drafts, 1):
        row = {
            "id": f"{suite.domain}-{split}-{number:04}",
            "domain": suite.domain,
            "template": template.name,
            "difficulty": template.difficulty,
            "instruction": draft.instruction,
            "user": draft.user,
            "state": draft.state,
            "gold": draft.gold,
            "outputs": draft.outputs,
            # Doing nothing is right exactly where gold changes nothing and has nothing to tell.
            "noop_reward": 0.0 if draft.changed or draft.outputs else 1.0,
        }
        _check(row)
        rows.append(row)
    return rows


def render_suite(suite: Suite, seed: int = 0) -> Mapping[str, str]:
    """The files of a suite, as name to text."""
    files = {"suite.toml": _SUITE_TOML.format(domain=suite.domain, description=suite.description)}
    for split in SPLITS:
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in build_rows(suite, split, seed)]
        files[f"{split}.jsonl"] = "".join(lines)
    return files


def write_suite(suite: Suite, out: Path, seed: int = 0) -> list[Path]:
    """Write a suite's files into `out/<domain>`.

    Returns:
        The paths written.
    """
    folder = out / suite.domain
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in render_suite(suite, seed).items():
        path = folder / name
        path.write_bytes(text.encode())
        paths.append(path)
    return paths


def _check(row: Mapping[str, Any]) -> None:
    said = [turn["say"] for turn in row["gold"] if "say" in turn]
    heard = [row["instruction"], *(reply["say"] for reply in row["user"])]
    faults = {
        "gold: the last turn must be said": "say" not in row["gold"][-1],
        "instruction: more than 35 words": len(row["instruction"].split()) > 35,
        "outputs: gold does not say them": not all(any(o in text for text in said) for o in row["outputs"]),
        "outputs: the user says them": any(o in text for o in row["outputs"] for text in heard),
        "user: gold never says the keyword": not all(any(r["when"][0] in t for t in said) for r in row["user"]),
    }
    for fault, holds in faults.items():
        if holds:
            raise TaskError(f"{row['id']} ({row['template']}): {fault}")
