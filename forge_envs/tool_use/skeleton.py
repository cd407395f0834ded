"""The files of a new tool-use domain: one class, one suite, ready to be changed."""

import json
import keyword
import re
from pathlib import Path
from typing import Any

from forge_envs.core.errors import ConfigError

_MODULE = '''\
"""{title}: a tool-use domain. Change the tools and the state to yours; the suite beside this file names this class."""

from typing import Any, ClassVar

from forge_envs import ToolError, tool
from forge_envs.tool_use.domain import Domain


class {class_name}(Domain):
    """Items with a count. Everything that a tool changes is in `self.state`, and nothing else is.

    The state: ``{{"items": {{name: {{"count": int, "shelf": str}}}}}}``.
    """

    name: ClassVar[str] = "{module}"
    policy: ClassVar[str] = (
        "You look after a store room. Look an item up before you change it. "
        "Never take the last piece of an item: tell the user that it has to stay."
    )

    @tool
    def find_item(self, item: str) -> dict[str, Any]:
        """Show how many pieces of an item there are, and where.

        Args:
            item: Its name.
        """
        return {{"item": item, **self._item(item)}}

    @tool
    def take_item(self, item: str, pieces: int) -> dict[str, Any]:
        """Take pieces of an item.

        Args:
            item: Its name.
            pieces: How many.
        """
        found = self._item(item)
        if not 0 < pieces <= found["count"]:
            raise ToolError(f"{{item!r}} has only {{found['count']}} pieces")
        found["count"] -= pieces
        return {{"item": item, "left": found["count"]}}

    def _item(self, item: str) -> dict[str, Any]:
        if item not in self.state["items"]:
            raise ToolError(f"there is no item {{item[:40]!r}}")
        return self.state["items"][item]
'''

_MANIFEST = """\
name = "mine/{module}"
env = "forge/ToolUse-v0"
version = 1
schema = "tool_use.schema.json"
description = "{title}."
license = "CC0-1.0"

[splits]
train = ["train.jsonl"]
heldout = ["heldout.jsonl"]
"""


def write_domain(folder: str | Path) -> list[Path]:
    """Write a domain that validates: ``NAME/NAME.py`` and ``NAME/suite/``.

    Args:
        folder: To be made; its last part names the module, its class and the suite.

    Returns:
        The files.

    Raises:
        ConfigError: The name is no module name, or the folder exists.
    """
    folder = Path(folder)
    module = folder.name
    if not re.fullmatch(r"[a-z][a-z0-9_]*", module) or keyword.iskeyword(module):
        raise ConfigError(f"{module!r} can't name a Python module: use small letters, digits and underscores.")
    if folder.exists():
        raise ConfigError(f"{folder} exists already: choose another name.")
    class_name = "".join(part.capitalize() for part in module.split("_") if part)
    names = {"module": module, "class_name": class_name, "title": module.replace("_", " ").capitalize()}
    files = {
        folder / f"{module}.py": _MODULE.format(**names),
        folder / "suite" / "suite.toml": _MANIFEST.format(**names),
        folder / "suite" / "train.jsonl": _lines(*_train(module, class_name)),
        folder / "suite" / "heldout.jsonl": _lines(_take(module, class_name, "heldout-0001", "ladder", 4, 3, "north")),
    }
    (folder / "suite").mkdir(parents=True)
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return list(files)


def _lines(*rows: dict[str, Any]) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def _train(module: str, class_name: str) -> list[dict[str, Any]]:
    last = _row(
        f"{module}-train-0002",
        f"{module}:{class_name}",
        "keep_last",
        "Please take one lamp for me.",
        {"items": {"lamp": {"count": 1, "shelf": "east"}}},
        [_call("find_item", item="lamp"), {"say": "This is the last lamp, so it has to stay."}],
        difficulty=3,
        noop_reward=1.0,
    )
    return [_take(module, class_name, "train-0001", "rope", 5, 2, "west"), last]


def _take(module: str, class_name: str, task_id: str, item: str, count: int, pieces: int, shelf: str) -> dict[str, Any]:
    gold = [
        _call("find_item", item=item),
        _call("take_item", item=item, pieces=pieces),
        {"say": f"I took {pieces} from the {shelf} shelf."},
    ]
    state = {"items": {item: {"count": count, "shelf": shelf}, "box": {"count": 9, "shelf": "south"}}}
    wish = f"Take {pieces} pieces of the item {item!r} and tell me which shelf they are from."
    target = f"{module}:{class_name}"
    return _row(f"{module}-{task_id}", target, "take_some", wish, state, gold, difficulty=1, outputs=[shelf])


def _row(
    task_id: str,
    domain: str,
    template: str,
    instruction: str,
    state: dict[str, Any],
    gold: list[dict[str, Any]],
    *,
    difficulty: int,
    outputs: list[str] | None = None,
    noop_reward: float = 0.0,
) -> dict[str, Any]:
    return {
        "id": task_id,
        "domain": domain,
        "template": template,
        "difficulty": difficulty,
        "instruction": instruction,
        "user": [],
        "state": state,
        "gold": gold,
        "outputs": outputs or [],
        "noop_reward": noop_reward,
    }


def _call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"calls": [{"name": name, "arguments": arguments}]}
