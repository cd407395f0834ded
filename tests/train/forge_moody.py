"""An environment that goes wrong in every way its task's id asks for, and a policy that does."""

import asyncio
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from forge_toy import row, write_suite

from forge_envs.core.env import ForgeEnv, Reaction
from forge_envs.core.errors import SandboxError
from forge_envs.core.messages import Message
from forge_envs.core.rewards import Verdict
from forge_envs.core.task import Task
from forge_train.policies.base import Reply, Request

MOODS = [
    "good-0", "good-1", "good-2", "good-3", "reset-sandbox", "step-sandbox", "step-raises", "step-stops", "step-exits",
    "grade-raises", "tools-change", "policy-raises", "policy-stops", "policy-garbage", "policy-none", "policy-silent",
    "policy-ids", "step-hangs", "reset-hangs", "step-naps",
]  # fmt: skip


def moody_suite(folder: Path) -> Path:
    """A suite with one task for each mood."""
    return write_suite(folder, {"train": [row(mood, []) for mood in MOODS]})


class Moody(ForgeEnv):
    """Ends with success at the third reply, if it gets there."""

    lock: ClassVar[threading.Lock] = threading.Lock()
    made: ClassVar[list["Moody"]] = []
    running: ClassVar[int] = 0
    most: ClassVar[int] = 0
    hang: ClassVar[threading.Event] = threading.Event()
    nap: ClassVar[threading.Event] = threading.Event()
    started: ClassVar[int] = 0

    def __init__(self, **options: Any):
        super().__init__(split=None, **options)
        self.closed = False
        Moody.made.append(self)

    def close(self) -> None:
        super().close()
        self.closed = True

    def _start(self, task: Task) -> Sequence[Message]:
        with Moody.lock:
            Moody.running += 1
            Moody.most = max(Moody.most, Moody.running)
            Moody.started += 1
            if Moody.started > 20:
                Moody.nap.set()
        try:
            if task.id == "reset-hangs":
                Moody.hang.wait()
            time.sleep(0.002)
            if task.id == "reset-sandbox":
                raise SandboxError("no sandbox")
        finally:
            with Moody.lock:
                Moody.running -= 1
        self._count, self.closed = 0, False
        return [{"role": "user", "content": f"Be {task.id}."}]

    def _tools(self) -> list[dict[str, Any]]:
        changed = self.task is not None and self.task.id == "tools-change" and getattr(self, "_count", 0) >= 1
        return [{"type": "function", "function": {"name": "late", "parameters": {}}}] if changed else []

    def _react(self, message: Message) -> Reaction:
        assert self.task is not None
        mood = self.task.id
        self._count += 1
        if mood == "step-hangs":
            Moody.hang.wait()
        if mood == "step-naps":
            Moody.nap.wait()  # until some other episodes have started
        if mood == "step-sandbox":
            raise SandboxError("the sandbox died")
        if mood == "step-raises":
            raise ValueError("a bug")
        if mood == "step-stops":
            next(iter(()))
        if mood == "step-exits":
            sys.exit("an environment that exits")
        return Reaction([{"role": "user", "content": f"{self._count} of 3"}], done=self._count == 3)

    def _artifact(self) -> dict[str, Any]:
        return {"count": self._count}

    def _grade(self, task: Task, artifact: Mapping[str, Any]) -> Verdict:
        if task.id == "grade-raises":
            raise ValueError("the grader broke")
        return Verdict(float(artifact["count"] == 3))


class Speaker:
    """Says one sentence, except where the task asks for trouble."""

    name, renderer = "speaker", None

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.closed = 0

    async def act(self, request: Request) -> Any:
        self.asked.append(request)
        await asyncio.sleep(0.001)
        if request.task_id == "policy-raises":
            raise OSError("no connection")
        if request.task_id == "policy-stops":
            raise StopIteration
        if request.task_id == "policy-silent":
            await asyncio.sleep(3600)
        return {"policy-garbage": "just text", "policy-none": None}.get(request.task_id, Reply("I say so."))

    async def aclose(self) -> None:
        self.closed += 1
