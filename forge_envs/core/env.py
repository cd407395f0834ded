"""The one environment class: lifecycle, limits, rewards. A task environment fills in five hooks."""

import copy
import time
import weakref
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar

import gymnasium

from forge_envs.core.actions import number_calls, read_action, shown_action
from forge_envs.core.errors import ActionError, ConfigError, GraderError, TaskError
from forge_envs.core.messages import Message, assistant, calls_text, transcript
from forge_envs.core.protocols import get_protocol
from forge_envs.core.rewards import Rubric, StepFacts, Verdict, check_mode
from forge_envs.core.spaces import ConversationSpace, MessageSpace
from forge_envs.core.task import Task, TaskSuite, load_suite

TRUNCATIONS = ("max_steps", "max_context", "timeout")
StepResult = tuple[tuple[Message, ...], float, bool, bool, dict[str, Any]]


@dataclass(frozen=True)
class Reaction:
    """What a task environment answers to one well-formed assistant message.

    Args:
        messages: New messages for the agent.
        done: The task has ended: submitted, answered, or the user left.
        facts: What step components may look at.
    """

    messages: Sequence[Message] = ()
    done: bool = False
    facts: StepFacts = field(default_factory=lambda: StepFacts(format_correct=True))


class ForgeEnv(gymnasium.Env[Any, Any]):
    """Base of every Forge environment, and a true `gymnasium.Env`.

    An action is one assistant message, as raw text or as a chat message. An observation is the tuple of messages that
    are new since the last action. Making one starts nothing; the first `reset` does.

    Args:
        suite: A bundled suite's name, a suite folder, or a list of them; None means the environment's own default.
        split: Which tasks `reset` draws from; None means all.
        reward: ``outcome`` (Eq 7: 0 until the end), ``stepwise`` (Eq 8: one gold turn is the episode) or ``shaped``
            (each turn earns `step_weights`, the last one also the outcome).
        protocol: How raw text is read, a name in `forge_envs.core.protocols.PROTOCOLS`.
        max_steps: Actions before the episode is truncated.
        max_context: Characters of conversation before the episode is truncated; None means no limit.
        timeout: Seconds since reset before the episode is truncated; None means no limit.
        max_action_chars: Longer replies are refused with a message to the model.
        step_weights: Step component to weight, for ``shaped``.
        render_mode: ``ansi`` (render returns the conversation as text), ``human`` (prints it) or None.

    Raises:
        ConfigError: An argument does not exist; TaskError: the suite is missing or wrong.
    """

    # Gymnasium's checker wants a frame rate of every environment that renders; a conversation has no other use for it.
    metadata: dict[str, Any] = {"render_modes": ["ansi", "human"], "render_fps": 1}  # noqa: RUF012 (as in Gymnasium)
    default_suite: ClassVar[Sequence[str]] = ()

    def __init__(
        self,
        *,
        suite: str | Path | Sequence[str | Path] | None = None,
        split: str | None = "train",
        reward: str = "outcome",
        protocol: str = "hermes",
        max_steps: int = 30,
        max_context: int | None = None,
        timeout: float | None = None,
        max_action_chars: int = 100_000,
        step_weights: Mapping[str, float] | None = None,
        render_mode: str | None = None,
    ):
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ConfigError(f"Unknown render_mode {render_mode!r}: use one of {self.metadata['render_modes']}.")
        if max_steps < 1:
            raise ConfigError(f"max_steps is {max_steps}; give at least 1.")
        loaded = load_suite(suite if suite is not None else self.default_suite)
        self.suite: TaskSuite = loaded if split is None else loaded.split(split)
        self.mode = check_mode(reward)
        self.protocol = get_protocol(protocol)
        self.max_steps, self.max_context, self.timeout = max_steps, max_context, timeout
        self.max_action_chars = max_action_chars
        self.rubric = Rubric({"format_valid": 0.05} if step_weights is None else step_weights)
        self.render_mode = render_mode
        self.action_space, self.observation_space = MessageSpace(), ConversationSpace()
        self.task: Task | None = None
        self.gold_turn: int | None = None
        self._messages: list[Message] = []
        self._size = self._steps = self._faults = 0
        self._over = True
        self._started = 0.0
        self._cleanup: weakref.finalize | None = None

    # Hooks of a task environment.

    @abstractmethod
    def _start(self, task: Task) -> Sequence[Message]:
        """Start the task from its initial state; return the first messages."""

    @abstractmethod
    def _tools(self) -> list[dict[str, Any]]:
        """Schemas of the tools that the agent may call now; a new object on every call."""

    @abstractmethod
    def _react(self, message: Message) -> Reaction:
        """Carry out one well-formed assistant message."""

    @abstractmethod
    def _artifact(self) -> dict[str, Any]:
        """What `_grade` needs: JSON values only, enough to grade again later."""

    @abstractmethod
    def _grade(self, task: Task, artifact: Mapping[str, Any]) -> Verdict:
        """Grade; call the environment's plain function `grade(task, artifact)`."""

    def _gold(self, task: Task) -> Sequence[Message]:
        """The task's gold assistant messages; environments without any can't run step-wise."""
        raise ConfigError(f'{type(self).__name__} has no gold turns, so reward="stepwise" does not apply to it.')

    def _matches(self, message: Message, gold: Message) -> bool:
        """ExactMatch of Eq 8; an environment that has gold turns says what equal means."""
        raise ConfigError(f"{type(self).__name__} has gold turns but no _matches; define it to run step-wise.")

    def _scored_turns(self, gold: Sequence[Message]) -> list[int]:
        """Gold turns that step-wise mode may pick: by default those with tool calls."""
        return [i for i, message in enumerate(gold) if "tool_calls" in message]

    def _release(self) -> Callable[[], None] | None:
        """A function that stops what `_start` started. It must not refer to the environment itself."""
        return None

    # The Gymnasium API.

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[tuple[Message, ...], dict[str, Any]]:
        """Start an episode.

        Args:
            seed: Seeds `np_random`; the same seed gives the same episode.
            options: ``task`` (a task id, an index or a `Task`), ``turn`` (the gold turn, step-wise mode only) and
                ``reward`` (another reward mode for this and later episodes).

        Returns:
            The first messages, and info with ``task_id``, ``tools`` (JSON Schemas) and ``reward_mode``.

        Raises:
            ConfigError, TaskError: An option names something that does not exist.
        """
        super().reset(seed=seed)
        self.close()  # Whatever fails below, the last episode is over.
        chosen = dict(options or {})
        mode = check_mode(chosen.pop("reward", self.mode))
        task = self._choose(chosen.pop("task", None), mode)
        turn = chosen.pop("turn", None)
        if chosen:
            raise ConfigError(f"Unknown reset option {min(map(str, chosen))!r}: use 'task', 'turn' or 'reward'.")
        if turn is not None and mode != "stepwise":
            raise ConfigError("The reset option 'turn' needs reward=\"stepwise\".")
        self.mode, self.task, self.gold_turn = mode, task, None
        self._messages, self._size, self._steps, self._faults = [], 0, 0, 0
        self._started = time.monotonic()
        first = list(self._start(task))
        release = self._release()
        if release is not None:
            self._cleanup = weakref.finalize(self, release)
        if self.mode == "stepwise":
            first += self._play_gold_prefix(task, turn)
        self._over = False
        return self._observe(first), self._info()

    def step(self, action: Any) -> StepResult:
        """Carry out one assistant message.

        A malformed reply is answered with a message that names the fault; it costs a step and is counted in
        ``info["format_faults"]``.

        Args:
            action: Raw text, a chat message, or the openai client's message object.

        Returns:
            New messages, reward, terminated, truncated, and info. ``info["reward_components"]`` names the parts of the
            reward; at the end ``info["verdict"]``, ``info["artifact"]`` and, if truncated, ``info["truncation"]``.

        Raises:
            ConfigError: The episode is over, or none was started.
        """
        if self._over or self.task is None:
            raise ConfigError("This episode is over (or was never started): call reset() before step().")
        self._steps += 1
        fault = None
        try:
            message = read_action(action, self.protocol, self._steps, self.max_action_chars)
        except ActionError as error:
            fault, message = str(error), assistant(shown_action(action, self.max_action_chars))
            self._faults += 1
        self._append([message])
        if self.mode == "stepwise":
            return self._score_gold_turn(message, fault)
        if fault is None:
            reaction = self._react(message)
        else:
            told: Message = {"role": "user", "content": f"Error: {fault}. Reply again in the right format."}
            reaction = Reaction([told], facts=StepFacts(format_correct=False))
        observation = self._observe(reaction.messages)
        truncation = None if reaction.done else self._limit()
        components = self.rubric.score(reaction.facts) if self.mode == "shaped" else {}
        return self._finish(observation, components, reaction.done, truncation, fault)

    def truncate(self, reason: str) -> StepResult:
        """End the running episode from outside, for a limit that only the caller knows (tokens), and grade it.

        Args:
            reason: ``max_steps``, ``max_context`` or ``timeout``.

        Returns:
            What `step` returns, with no new messages.
        """
        if self._over:
            raise ConfigError("There is no running episode to truncate: call reset() first.")
        if reason not in TRUNCATIONS:
            raise ConfigError(f"Unknown truncation {reason!r}: use one of {list(TRUNCATIONS)}.")
        if self.mode == "stepwise":
            return self._result((), {"exact_match": 0.0}, Verdict(0.0, {"exact_match": 0.0}), {}, None, reason)
        return self._finish((), {}, False, reason, None)

    def render(self) -> str | None:
        """The conversation as text (``ansi``), or printed (``human``)."""
        if self.render_mode is None:
            return None
        text = transcript(self._messages)
        if self.render_mode == "ansi":
            return text
        print(text)
        return None

    def close(self) -> None:
        """Stop whatever the episode started; calling it again is fine."""
        self._over = True
        self._stop()

    @property
    def messages(self) -> list[Message]:
        """A copy of the whole conversation."""
        return copy.deepcopy(self._messages)

    def gold_actions(self, task: Task | None = None) -> list[str]:
        """The gold turns of a task as raw text in this environment's protocol; `ScriptedPolicy` plays them."""
        chosen = task or self.task
        if chosen is None:
            raise ConfigError("No task: call reset() first or give one.")
        return [self.protocol.render(message) for message in self._gold(chosen)]

    # Inside.

    def _choose(self, wanted: Any, mode: str) -> Task:
        if wanted is None and mode == "stepwise":
            drawn = (self.suite[int(i)] for i in self.np_random.permutation(len(self.suite)))
            scorable = next((task for task in drawn if self._scored_turns(self._gold(task))), None)
            if scorable is None:
                raise TaskError(f"No task of {self.suite.name} has a gold turn that step-wise mode can score.")
            return scorable
        if wanted is None:
            return self.suite[int(self.np_random.integers(len(self.suite)))]
        if isinstance(wanted, Task):
            return wanted
        if isinstance(wanted, str):
            return self.suite[wanted]
        if isinstance(wanted, Integral) and not isinstance(wanted, bool):
            return self.suite[int(wanted)]
        raise TaskError(f"The reset option 'task' is an id, an index or a Task, not {type(wanted).__name__}.")

    def _play_gold_prefix(self, task: Task, turn: int | None) -> list[Message]:
        gold = list(self._gold(task))
        scored = self._scored_turns(gold)
        if not scored:
            raise TaskError(f"Task {task.id!r} has no gold turn that step-wise mode can score.")
        if turn is None:
            turn = scored[int(self.np_random.integers(len(scored)))]
        if turn not in scored:
            raise ConfigError(f"Turn {turn} of task {task.id!r} can't be scored: use one of {scored}.")
        self.gold_turn = int(turn)
        prefix: list[Message] = []
        for number, message in enumerate(gold[: self.gold_turn], start=1):
            # The ids that a free-running episode gives, so that both modes see one conversation.
            prefix += [number_calls(message, number), *self._react(message).messages]
        return prefix

    def _score_gold_turn(self, message: Message, fault: str | None) -> StepResult:
        """Eq 8: 1 if the format is right and the turn equals gold's exactly, else 0."""
        assert self.task is not None and self.gold_turn is not None
        matched = fault is None and self._matches(message, self._gold(self.task)[self.gold_turn])
        parts = {"format_correct": float(fault is None), "exact_match": float(matched)}
        verdict = Verdict(float(matched), parts)
        return self._result((), {"exact_match": verdict.reward}, verdict, {}, fault, None)

    def _finish(
        self,
        observation: tuple[Message, ...],
        components: dict[str, float],
        done: bool,
        truncation: str | None,
        fault: str | None,
    ) -> StepResult:
        assert self.task is not None
        if not done and truncation is None:
            return self._result(observation, components, None, None, fault, None)
        artifact = {**self._artifact(), "format_faults": self._faults}
        self._over = True
        try:
            verdict = self._grade(self.task, artifact)
        except Exception as error:
            # The rollout is paid for: whatever broke, its artifact goes with the error so that it can be graded again.
            raise GraderError(f"Task {self.task.id!r} can't be graded: {error}", artifact) from error
        components = {**components, "outcome": verdict.reward}
        return self._result(observation, components, verdict, artifact, fault, truncation)

    def _result(
        self,
        observation: tuple[Message, ...],
        components: dict[str, float],
        verdict: Verdict | None,
        artifact: dict[str, Any] | None,
        fault: str | None,
        truncation: str | None,
    ) -> StepResult:
        info = self._info()
        info["reward_components"] = components
        info["format_faults"] = self._faults
        if fault is not None:
            info["fault"] = fault
        if verdict is not None:
            self._over = True
            facts = {"reward": verdict.reward, "components": dict(verdict.components), "details": verdict.details}
            info |= {"verdict": copy.deepcopy(facts), "artifact": copy.deepcopy(artifact)}
        if truncation is not None:
            info["truncation"] = truncation
        ended = verdict is not None
        return observation, float(sum(components.values())), ended and truncation is None, truncation is not None, info

    def _limit(self) -> str | None:
        if self._steps >= self.max_steps:
            return "max_steps"
        if self.max_context is not None and self._size > self.max_context:
            return "max_context"
        if self.timeout is not None and time.monotonic() - self._started > self.timeout:
            return "timeout"
        return None

    def _info(self) -> dict[str, Any]:
        assert self.task is not None
        info = {"task_id": self.task.id, "reward_mode": self.mode, "tools": self._tools()}
        return info if self.gold_turn is None else {**info, "turn": self.gold_turn}

    def _observe(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        self._append(messages)
        return tuple(copy.deepcopy(list(messages)))

    def _append(self, messages: Sequence[Message]) -> None:
        self._messages += copy.deepcopy(list(messages))
        self._size += sum(len(m["content"]) + len(calls_text(m)) for m in messages)

    def _stop(self) -> None:
        if self._cleanup is not None:
            self._cleanup()
            self._cleanup = None
