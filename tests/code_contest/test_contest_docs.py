"""The page about contests says what is so."""

import re
import tomllib
from collections import Counter
from pathlib import Path

from forge_envs.code_contest.formats import FORMATS
from forge_envs.code_contest.project.frameworks import FRAMEWORKS
from forge_envs.code_contest.prompts import TITLES
from forge_envs.core.task import tasks_root

DOCS = Path(__file__).parents[2] / "docs/code_contest.md"


def test_numbers_and_names() -> None:
    text = DOCS.read_text(encoding="utf-8")
    folders = (tasks_root() / "code_contest/bundled/problems").glob("*/problem.toml")
    abouts = [tomllib.loads(path.read_text(encoding="utf-8")) for path in folders]
    splits, modes = Counter(about["split"] for about in abouts), Counter(about["mode"] for about in abouts)
    assert f"{len(abouts)} tasks of our own" in text
    assert f"{splits['train']} for training and {splits['heldout']} held out: {modes['stdin']} programs" in text
    assert modes == {"stdin": 17, "function": 8, "interactive": 1, "project": 2}
    assert all(f"`{name}`" in text for name in FORMATS)
    table = set(re.findall(r"(?m)^\| ([A-Z][\w+]+) \|", text))
    assert table == {"C++" if name == "cpp" else TITLES[name].removesuffix(" 3") for name in FRAMEWORKS}
