"""Where the shared tau-bench data is, and how tests name parts of it."""

from pathlib import Path
from typing import Any

from forge_envs.tool_use.tau.backend import Backend
from forge_envs.tool_use.tau.data import TauTask, load_tasks, load_world
from forge_envs.tool_use.tau.grading import open_backend

DATA = Path(__file__).resolve().parents[3].parent / "shared/data/taubench"
PARTS = [
    ("v1", "retail", "test"),
    ("v1", "retail", "train"),
    ("v1", "retail", "dev"),
    ("v1", "airline", "test"),
    ("tau2", "retail", "base"),
    ("tau2", "airline", "base"),
]
"""(version, domain, split) of everything that is shared."""
WORLDS = [(version, domain) for version in ("v1", "tau2") for domain in ("retail", "airline")]


def tasks(version: str, domain: str, split: str) -> list[TauTask]:
    """Tasks of a part."""
    return list(load_tasks(DATA, domain, split, version).values())


def backend(version: str, domain: str) -> Backend:
    """A fresh backend."""
    return open_backend(load_world(DATA, domain, version))


def respond(text: str, reply: str | None = None) -> dict[str, Any]:
    """A step that says something, and what the user says then."""
    step: dict[str, Any] = {"name": "respond", "kwargs": {"content": text}}
    return step if reply is None else {**step, "user_reply": reply}
