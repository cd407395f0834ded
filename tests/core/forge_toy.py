"""A toy domain (a notebook) and a suite of it, so that the core is tested without the bundled tasks."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from forge_envs.core.env import ForgeEnv, Reaction
from forge_envs.core.errors import ToolError
from forge_envs.core.messages import Message
from forge_envs.core.rewards import Verdict
from forge_envs.core.task import Task
from forge_envs.core.tools import tool
from forge_envs.tool_use.domain import Domain


class Notebook(Domain):
    """Notes with tags."""

    name: ClassVar[str] = "notebook"
    policy: ClassVar[str] = "You keep a notebook."

    @tool
    def add_note(self, text: str, tags: list[str]) -> dict[str, str]:
        """Add a note.

        Args:
            text: Its text.
            tags: Its tags.
        """
        note = f"n{len(self.state['notes']) + 1}"
        self.state["notes"][note] = {"text": text, "tags": tags}
        return {"note": note}

    @tool
    def tag_note(self, note: str, tag: str) -> str:
        """Add a tag to a note.

        Args:
            note: Note id.
            tag: The tag.
        """
        if note not in self.state["notes"]:
            raise ToolError(f"no note {note!r}")
        self.state["notes"][note]["tags"].append(tag)
        return "done"

    @tool
    def rate_note(self, note: str, stars: int) -> str:
        """Rate a note.

        Args:
            note: Note id.
            stars: How good it is.
        """
        self.state["notes"][note]["stars"] = stars
        return "done"


class Sleeper(ForgeEnv):
    """An environment whose episode holds a process and a folder, which must go when the episode does."""

    pid: int
    folder: str
    me: Any = None

    def _start(self, task: Task) -> Sequence[Message]:
        self.folder = tempfile.mkdtemp(prefix="sleeper-")
        self._process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        self.pid = self._process.pid
        return [{"role": "user", "content": "Sleep."}]

    def _release(self) -> Callable[[], None]:
        process, folder = self._process, self.folder

        def stop() -> None:
            process.kill()
            process.wait()
            shutil.rmtree(folder)

        return stop

    def _tools(self) -> list[dict[str, Any]]:
        return []

    def _react(self, message: Message) -> Reaction:
        return Reaction(done=True)

    def _artifact(self) -> dict[str, Any]:
        return {}

    def _grade(self, task: Task, artifact: Mapping[str, Any]) -> Verdict:
        return Verdict(1.0)


def call(tool_name: str, **arguments: Any) -> dict[str, Any]:
    """A gold call."""
    return {"name": tool_name, "arguments": arguments}


def row(task_id: str, gold: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    """A task of the suite."""
    state = {"notes": {"n1": {"text": "milk costs 1,250", "tags": ["shop"]}}}
    base = {"id": task_id, "domain": "forge_toy:Notebook", "difficulty": 1, "instruction": "Keep my notes."}
    return {**base, "user": [], "state": state, "gold": gold, "outputs": [], "noop_reward": 0.0, **fields}


ROWS: dict[str, list[dict[str, Any]]] = {
    "train": [
        row(
            "add",
            [
                {"calls": [call("add_note", text="eggs", tags=["shop"])]},
                {"calls": [call("tag_note", note="n2", tag="today"), call("tag_note", note="n1", tag="old")]},
                {"say": "Both are done."},
            ],
        ),
        row(
            "ask",
            [
                {"say": "Which note?"},
                {"calls": [call("tag_note", note="n9", tag="dear")]},
                {"calls": [call("tag_note", note="n1", tag="dear")], "say": "Trying the other one."},
                {"say": "It costs 1250."},
            ],
            user=[{"when": ["which"], "say": "The one about milk."}],
            outputs=["1250"],
        ),
        row("decline", [{"say": "I can't do that."}], noop_reward=1.0),
    ],
    "heldout": [row("rate", [{"calls": [call("rate_note", note="n1", stars=4)]}, {"say": "Done."}])],
}

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "difficulty": {"type": "integer", "minimum": 1},
        "gold": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["id", "domain", "instruction", "user", "state", "gold", "outputs"],
}

MANIFEST = """\
name = "test/toy"
env = "forge/ToolUse-v0"
version = 1
schema = "toy.schema.json"
description = "Notes."
license = "Apache-2.0"

[splits]
"""


def write_suite(folder: Path, rows: dict[str, list[Any]] | None = None, manifest: str = MANIFEST) -> Path:
    """Write a suite's folder; rows that are text are written as they are."""
    folder.mkdir(parents=True)
    (folder / "toy.schema.json").write_text(json.dumps(SCHEMA))
    for split, tasks in (ROWS if rows is None else rows).items():
        manifest += f'{split} = ["{split}.jsonl"]\n'
        lines = [task if isinstance(task, str) else json.dumps(task) for task in tasks]
        (folder / f"{split}.jsonl").write_text("".join(f"{line}\n" for line in lines))
    (folder / "suite.toml").write_text(manifest)
    return folder
