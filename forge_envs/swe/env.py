"""``forge/SWE-v0``: what is particular to software engineering."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from forge_envs.core.env import ForgeEnv
from forge_envs.core.errors import ConfigError, TaskError
from forge_envs.core.hooks import Reaction
from forge_envs.core.messages import Message
from forge_envs.core.rewards import StepFacts, Verdict
from forge_envs.core.task import Task
from forge_envs.sandbox.base import Isolation, Sandbox
from forge_envs.swe.bash_block import BASH_BLOCK, commands_of
from forge_envs.swe.grading import grade
from forge_envs.swe.patch import Taken, take_patch
from forge_envs.swe.prompts import gold_messages, opening
from forge_envs.swe.python_env import python_env
from forge_envs.swe.shell import run_command
from forge_envs.swe.sources import prepared_for
from forge_envs.swe.task import SWETask
from forge_envs.swe.workspace import Site, open_workspace


class SWEEnv(ForgeEnv):
    """An agent repairs a repository with shell commands; hidden tests decide.

    The protocol is that of mini-swe-agent-plus: a reply holds one block of bash, a command whose output begins with a
    sentinel submits. What is graded is the difference between the work tree and the base commit, in a fresh workspace;
    an episode that is truncated is graded as it stands.

    Args:
        python: A prepared virtual environment for the repository's tests; None means pytest and nothing else.
        mirrors: A folder of clones, for rows that name a repository of GitHub (`forge_envs.swe.sources.locate`).
        command_timeout: Seconds that a command may take.
        test_timeout: Seconds that the tests may take.
        isolation: ``auto``: workspaces need namespaces, and there is no way around them.
        disk_mb: MiB that an agent may write, held in memory.
        **options: Those of `ForgeEnv`, but `protocol`; `max_steps` is 200 by default.
    """

    default_suite: ClassVar[Sequence[str]] = ("swe/bundled",)

    def __init__(
        self,
        *,
        python: str | Path | None = None,
        mirrors: str | Path | None = None,
        command_timeout: float = 60.0,
        test_timeout: float = 1800.0,
        isolation: Isolation = "auto",
        disk_mb: int = 1024,
        **options: Any,
    ):
        if options.get("reward") == "stepwise":
            raise ConfigError('A repair has no gold turns to match, so reward="stepwise" does not apply to it.')
        if options.pop("protocol", BASH_BLOCK.name) != BASH_BLOCK.name or options.get("tools_in_prompt"):
            raise ConfigError("SWE-v0 reads replies with one ```bash block: leave out protocol and tools_in_prompt.")
        if not command_timeout > 0 or not test_timeout > 0:
            raise ConfigError("command_timeout and test_timeout are seconds, more than 0.")
        super().__init__(**{"max_steps": 200, **options})
        self.protocol = BASH_BLOCK
        named = options.get("suite") or self.default_suite
        self._suites: list[str | Path] = [named] if isinstance(named, str | Path) else list(named)
        self._python, self._mirrors = python, mirrors
        self.command_timeout, self.test_timeout = command_timeout, test_timeout
        self._isolation: Isolation = isolation
        self._disk_mb = disk_mb
        self._sandbox: Sandbox | None = None
        self._taken: Taken | None = None

    def close(self) -> None:
        """End the episode and its workspace."""
        super().close()
        self._sandbox = None

    def _start(self, task: Task) -> Sequence[Message]:
        about = SWETask.from_row(task.data, task.id)
        self._taken = None
        self._sandbox = open_workspace(self._site(task))
        return opening(about, self.command_timeout)

    def _tools(self) -> list[dict[str, Any]]:
        return []

    def _react(self, message: Message) -> Reaction:
        if "tool_calls" in message:
            told = "Error: there are no tools here. Write one command in a ```bash block."
            calls = message["tool_calls"]
            answers: list[Message] = [
                {"role": "tool", "tool_call_id": call["id"], "name": call["function"]["name"][:80], "content": told}
                for call in calls
            ]
            return Reaction(answers, facts=StepFacts(False, len(calls), len(calls), unknown_tools=len(calls)))
        (command,) = commands_of(message["content"])
        seen = run_command(self._workspace(), command, timeout_s=self.command_timeout)
        facts = StepFacts(True, calls=1, failed_calls=int(seen.returncode != 0))
        return Reaction([] if seen.submitted else [{"role": "user", "content": seen.text}], seen.submitted, facts)

    def _artifact(self) -> dict[str, Any]:
        if self._taken is None:
            self._taken = take_patch(self._workspace())
        return {"patch": self._taken.patch, "patch_error": self._taken.error}

    def _grade(self, task: Task, artifact: Mapping[str, Any]) -> Verdict:
        site = self._site(task)
        return grade(task, artifact, open_workspace=lambda: open_workspace(site), timeout_s=self.test_timeout)

    def _gold(self, task: Task) -> Sequence[Message]:
        about = SWETask.from_row(task.data, task.id)
        if not about.patch:
            raise TaskError(f"Task {task.id!r} has no gold patch.")
        return gold_messages(about)

    def _scored_turns(self, gold: Sequence[Message]) -> list[int]:
        return []

    def _release(self) -> Callable[[], None] | None:
        return None if self._sandbox is None else self._sandbox.close

    def _site(self, task: Task) -> Site:
        prepared = prepared_for(task, suites=self._suites, mirrors=self._mirrors)
        return Site(prepared, python_env(self._python), self._isolation, self._disk_mb)

    def _workspace(self) -> Sandbox:
        assert self._sandbox is not None
        return self._sandbox
