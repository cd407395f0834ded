"""``forge/ToolUse-v0``: what is particular to tool use."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from forge_envs.core.env import ForgeEnv, Reaction
from forge_envs.core.errors import ArgumentsError, ConfigError, ToolError, UnknownToolError
from forge_envs.core.messages import Message, calls_of
from forge_envs.core.rewards import Progress, StepFacts, Verdict
from forge_envs.core.task import Task
from forge_envs.core.tools import Toolset
from forge_envs.tool_use.benchmarks import Attended, Session, benchmark_of
from forge_envs.tool_use.domain import load_domain
from forge_envs.tool_use.grading import exact_match, gold_messages, gold_state, grade, unreachable_outputs
from forge_envs.tool_use.rewards import Stateful, benchmark_ends, measure_progress
from forge_envs.tool_use.user import User, make_user


class ToolUseEnv(ForgeEnv):
    """An agent serves a user through the tools of a domain.

    A reply with tool calls is answered with one tool message for each call, in order. A reply without one goes to the
    user; the episode ends when the user leaves. Success is decided by `forge_envs.tool_use.grading.grade`. A task that
    names a ``benchmark`` is played and graded by that benchmark instead (`forge_envs.tool_use.benchmarks`).

    Args:
        score_messages: In step-wise mode, also pick gold turns that are messages to the user; they earn 1 if and only
            if no call is made. By default such turns are skipped.
        user: Who plays the user: None means the task's script; a mapping such as ``{"model": "m", "base_url": "..."}``
            a chat endpoint (`forge_envs.tool_use.users.chat.ChatSpec`).
        **options: Those of `ForgeEnv`.
    """

    default_suite: ClassVar[Sequence[str]] = ("tool_use/library", "tool_use/courier")

    def __init__(self, *, score_messages: bool = False, user: Mapping[str, Any] | None = None, **options: Any):
        super().__init__(**options)
        self._user_spec = user
        self._score_messages = score_messages
        self._toolset = Toolset([])
        self._state: dict[str, Any] = {}
        self._user: User = make_user(user, instruction="")
        self._said: list[str] = []
        self._made: list[tuple[str, dict[str, Any]]] = []
        self._ends: tuple[Any, Any] | None = None
        self._session: Session | None = None

    def _start(self, task: Task) -> Sequence[Message]:
        self._made, self._ends = [], None
        benchmark = benchmark_of(task)
        self._session = benchmark.session(task) if benchmark else None
        if self._session is not None:
            if isinstance(self._session, Attended):
                self._session.set_user(self._user_spec)
            elif self._user_spec is not None:
                raise ConfigError(f"The users of {task.id!r} are part of its benchmark: leave out the option 'user'.")
            return self._session.start()
        domain = load_domain(task.data["domain"])(copy.deepcopy(task.data["state"]))
        self._state, self._toolset = domain.state, domain.toolset()
        self._user = make_user(self._user_spec, instruction=task.data["instruction"], script=task.data["user"])
        self._said = []
        return [{"role": "system", "content": domain.policy}, {"role": "user", "content": self._user.open()}]

    def _tools(self) -> list[dict[str, Any]]:
        return self._toolset.schemas() if self._session is None else self._session.tools()

    def _react(self, message: Message) -> Reaction:
        self._made += calls_of(message)
        if self._session is not None:
            return self._session.react(message)
        if message["content"]:
            self._said.append(message["content"])
        if "tool_calls" not in message:
            answer = self._user.answer(message["content"])
            replies: list[Message] = [] if answer is None else [{"role": "user", "content": answer}]
            return Reaction(replies, done=answer is None)
        results: list[Message] = []
        failed: list[ToolError] = []
        for call, (name, arguments) in zip(message["tool_calls"], calls_of(message), strict=True):
            try:
                content = self._toolset.call(name, arguments)
            except ToolError as error:
                content = f"Error: {error}"
                failed.append(error)
            results.append({"role": "tool", "tool_call_id": call["id"], "name": name[:80], "content": content})
        unknown = sum(isinstance(error, UnknownToolError) for error in failed)
        invalid = sum(isinstance(error, ArgumentsError) for error in failed)
        return Reaction(
            results, facts=StepFacts(True, len(results), len(failed), unknown_tools=unknown, invalid_arguments=invalid)
        )

    def _progress(self) -> Progress | None:
        assert self.task is not None
        benchmark = benchmark_of(self.task)
        if self._ends is None:
            ends = (
                benchmark_ends(benchmark, self.task) if benchmark else (self.task.data["state"], gold_state(self.task))
            )
            self._ends = ends
        state = self._session.state() if isinstance(self._session, Stateful) else self._state
        states = None if self._ends is None else (state, *self._ends)
        return measure_progress(self._made, self._gold(self.task), states)

    def _doubts(
        self, task: Task, gold: Sequence[Message], seen: Sequence[Sequence[Message]]
    ) -> Iterable[tuple[str, str]]:
        if benchmark_of(task) is not None:
            return
        for output in unreachable_outputs(task, gold, seen):
            yield "outputs", f"gold says {output!r} before the agent could have seen it"

    def _artifact(self) -> dict[str, Any]:
        if self._session is not None:
            return copy.deepcopy(self._session.artifact())
        return {"state": copy.deepcopy(self._state), "said": list(self._said)}

    def _grade(self, task: Task, artifact: Mapping[str, Any]) -> Verdict:
        benchmark = benchmark_of(task)
        return benchmark.grade(task, artifact) if benchmark else grade(task, artifact)

    def _gold(self, task: Task) -> Sequence[Message]:
        benchmark = benchmark_of(task)
        return benchmark.gold(task) if benchmark else gold_messages(task)

    def _matches(self, message: Message, gold: Message) -> bool:
        assert self.task is not None
        benchmark = benchmark_of(self.task)
        return benchmark.matches(self.task, message, gold) if benchmark else exact_match(message, gold)

    def _scored_turns(self, gold: Sequence[Message]) -> list[int]:
        return list(range(len(gold))) if self._score_messages else super()._scored_turns(gold)
