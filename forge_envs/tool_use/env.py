"""``forge/ToolUse-v0``: what is particular to tool use."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from forge_envs.core.env import ForgeEnv, Reaction
from forge_envs.core.errors import ToolError
from forge_envs.core.messages import Message, calls_of
from forge_envs.core.rewards import StepFacts, Verdict
from forge_envs.core.task import Task
from forge_envs.core.tools import Toolset
from forge_envs.tool_use.domain import load_domain
from forge_envs.tool_use.grading import exact_match, gold_messages, grade
from forge_envs.tool_use.user import ScriptedUser


class ToolUseEnv(ForgeEnv):
    """An agent serves a user through the tools of a domain.

    A reply with tool calls is answered with one tool message for each call, in order. A reply without one goes to the
    user; the episode ends when the user leaves. Success is decided by `forge_envs.tool_use.grading.grade`.

    Args:
        score_messages: In step-wise mode, also pick gold turns that are messages to the user; they earn 1 if and only
            if no call is made. By default such turns are skipped.
        **options: Those of `ForgeEnv`.
    """

    default_suite: ClassVar[Sequence[str]] = ("tool_use/library", "tool_use/courier")

    def __init__(self, *, score_messages: bool = False, **options: Any):
        super().__init__(**options)
        self._score_messages = score_messages
        self._toolset = Toolset([])
        self._state: dict[str, Any] = {}
        self._user = ScriptedUser([])
        self._said: list[str] = []

    def _start(self, task: Task) -> Sequence[Message]:
        domain = load_domain(task.data["domain"])(copy.deepcopy(task.data["state"]))
        self._state, self._toolset = domain.state, Toolset.of(domain)
        self._user, self._said = ScriptedUser(task.data["user"]), []
        return [{"role": "system", "content": domain.policy}, {"role": "user", "content": task.data["instruction"]}]

    def _tools(self) -> list[dict[str, Any]]:
        return self._toolset.schemas()

    def _react(self, message: Message) -> Reaction:
        if message["content"]:
            self._said.append(message["content"])
        if "tool_calls" not in message:
            answer = self._user.answer(message["content"])
            replies: list[Message] = [] if answer is None else [{"role": "user", "content": answer}]
            return Reaction(replies, done=answer is None)
        results: list[Message] = []
        failed = 0
        for call, (name, arguments) in zip(message["tool_calls"], calls_of(message), strict=True):
            try:
                content = self._toolset.call(name, arguments)
            except ToolError as error:
                content, failed = f"Error: {error}", failed + 1
            results.append({"role": "tool", "tool_call_id": call["id"], "name": name[:80], "content": content})
        return Reaction(results, facts=StepFacts(True, len(results), failed))

    def _artifact(self) -> dict[str, Any]:
        return {"state": copy.deepcopy(self._state), "said": list(self._said)}

    def _grade(self, task: Task, artifact: Mapping[str, Any]) -> Verdict:
        return grade(task, artifact)

    def _gold(self, task: Task) -> Sequence[Message]:
        return gold_messages(task)

    def _matches(self, message: Message, gold: Message) -> bool:
        return exact_match(message, gold)

    def _scored_turns(self, gold: Sequence[Message]) -> list[int]:
        return list(range(len(gold))) if self._score_messages else super()._scored_turns(gold)
