"""The one environment class: lifecycle, limits, rewards. A task environment fills in five hooks."""

import copy
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import gymnasium

from forge_envs.core.actions import read_action, shown_action
from forge_envs.core.conversation import Conversation
from forge_envs.core.errors import ActionError, ConfigError, GraderError
from forge_envs.core.hooks import Reaction, TaskHooks
from forge_envs.core.messages import Message, assistant, transcript
from forge_envs.core.protocols import get_protocol
from forge_envs.core.rewards import Rubric, StepFacts, StepScorer, Verdict, check_mode
from forge_envs.core.spaces import ConversationSpace, MessageSpace
from forge_envs.core.stepwise import choose_turn, draw_scorable, gold_prefix, score_turn
from forge_envs.core.task import Task, TaskSuite, choose_task, load_suite

TRUNCATIONS = ("max_steps", "max_context", "timeout", "max_faults")
StepResult = tuple[tuple[Message, ...], float, bool, bool, dict[str, Any]]


class ForgeEnv(TaskHooks, gymnasium.Env[Any, Any]):
    """Base of every Forge environment, and a true `gymnasium.Env`.

    An action is one assistant message, as raw text or as a chat message. An observation is the tuple of messages that
    are new since the last action. Making one starts nothing; the first `reset` does.

    Args:
        suite: A bundled suite's name, a suite folder, or a list of them; None means the environment's own default.
        split: Which tasks `reset` draws from; None means all.
        reward: ``outcome`` (Eq 7: 0 until the end), ``stepwise`` (Eq 8: one gold turn is the episode) or ``shaped``
            (each turn earns `step_weights`, the last one also the outcome).
        protocol: How raw text is read, a name in `forge_envs.core.protocols.PROTOCOLS`.
        tools_in_prompt: Write the tools into the system message, and results into user messages, for models whose chat
            template has no place for them; ``info["tools"]`` is then empty.
        max_steps: Actions before the episode is truncated.
        max_context: Characters of conversation before the episode is truncated; None means no limit.
        timeout: Seconds since reset before the episode is truncated; None means no limit.
        max_faults: Malformed replies before the episode is truncated; None means no limit. One is enough for an outcome
            reward of 0 (Eq 7), so that in training nothing is learned from what comes after it.
        max_action_chars: Longer replies are refused with a message to the model.
        step_weights: Step component or potential to weight, for ``shaped`` (`forge_envs.core.rewards`).
        discount: γ of potentials; give the trainer's.
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
        tools_in_prompt: bool = False,
        max_steps: int = 30,
        max_context: int | None = None,
        timeout: float | None = None,
        max_faults: int | None = None,
        max_action_chars: int = 100_000,
        step_weights: Mapping[str, float] | None = None,
        discount: float = 1.0,
        render_mode: str | None = None,
    ):
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ConfigError(f"Unknown render_mode {render_mode!r}: use one of {self.metadata['render_modes']}.")
        if max_steps < 1:
            raise ConfigError(f"max_steps is {max_steps}; give at least 1.")
        if max_faults is not None and max_faults < 1:
            raise ConfigError(f"max_faults is {max_faults}; give at least 1, or None for no limit.")
        loaded = load_suite(suite if suite is not None else self.default_suite)
        self.suite: TaskSuite = loaded if split is None else loaded.split(split)
        self.mode = check_mode(reward)
        self.protocol = get_protocol(protocol)
        self._tools_in_prompt = tools_in_prompt
        self.max_steps, self.max_context, self.timeout = max_steps, max_context, timeout
        self.max_faults, self.max_action_chars = max_faults, max_action_chars
        self.rubric = Rubric({"format_valid": 0.05} if step_weights is None else step_weights, discount)
        self.render_mode = render_mode
        self.action_space, self.observation_space = MessageSpace(), ConversationSpace()
        self.task: Task | None = None
        self.gold_turn: int | None = None
        self._conversation = Conversation(self.protocol, tools_in_prompt=tools_in_prompt)
        self._steps = self._faults = 0
        self._scorer = StepScorer(Rubric({}), self._progress)
        self._over = True
        self._started = 0.0
        self._cleanup: weakref.finalize | None = None

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
        chosen, rng = dict(options or {}), self.np_random
        mode = check_mode(chosen.pop("reward", self.mode))
        task, turn = chosen.pop("task", None), chosen.pop("turn", None)
        drawing = task is None and mode == "stepwise"
        task = draw_scorable(self.suite, self.scored_turns, rng) if drawing else choose_task(self.suite, task, rng)
        if chosen:
            raise ConfigError(f"Unknown reset option {min(map(str, chosen))!r}: use 'task', 'turn' or 'reward'.")
        if turn is not None and mode != "stepwise":
            raise ConfigError("The reset option 'turn' needs reward=\"stepwise\".")
        self.mode, self.task, self.gold_turn = mode, task, None
        self._conversation = Conversation(self.protocol, tools_in_prompt=self._tools_in_prompt)
        self._steps = self._faults = 0
        self._started = time.monotonic()
        first = list(self._start(task))
        release = self._release()
        if release is not None:
            self._cleanup = weakref.finalize(self, release)
        if self.mode == "stepwise":
            gold = self._gold(task)
            self.gold_turn = choose_turn(task, self._scored_turns(gold), turn, rng)
            first += gold_prefix(gold, self.gold_turn, self._react)
        self._scorer = StepScorer(self.rubric if mode == "shaped" else Rubric({}), self._progress)
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
        self._conversation.act(message, action if fault is None else message["content"])
        if self.mode == "stepwise":
            return self._score_gold_turn(message, fault)
        if fault is None:
            reaction = self._react(message)
        else:
            told: Message = {"role": "user", "content": f"Error: {fault}. Reply again in the right format."}
            reaction = Reaction([told], facts=StepFacts(format_correct=False))
        observation = self._observe(reaction.messages)
        truncation = None if reaction.done else self._limit()
        components = self._scorer.score(reaction.facts, self._progress, ended=reaction.done or truncation is not None)
        return self._finish(observation, components, reaction.done, truncation, fault)

    def truncate(self, reason: str) -> StepResult:
        """End the running episode from outside, for a limit that only the caller knows (tokens), and grade it.

        Args:
            reason: ``max_steps``, ``max_context``, ``timeout`` or ``max_faults``.

        Returns:
            What `step` returns, with no new messages.
        """
        if self._over:
            raise ConfigError("There is no running episode to truncate: call reset() first.")
        if reason not in TRUNCATIONS:
            raise ConfigError(f"Unknown truncation {reason!r}: use one of {list(TRUNCATIONS)}.")
        if self.mode == "stepwise":
            verdict = Verdict(0.0, {"exact_match": 0.0})
            return self._result((), {"exact_match": 0.0}, verdict, {}, None, reason)
        return self._finish((), self._scorer.settle(), False, reason, None)

    def render(self) -> str | None:
        """The conversation as text (``ansi``), or printed (``human``)."""
        if self.render_mode is None:
            return None
        text = transcript(self._conversation.messages)
        if self.render_mode == "ansi":
            return text
        print(text)
        return None

    def close(self) -> None:
        """Stop whatever the episode started; calling it again is fine."""
        self._over = True
        if self._cleanup is not None:
            self._cleanup()
            self._cleanup = None

    @property
    def messages(self) -> list[Message]:
        """A copy of the whole conversation."""
        return copy.deepcopy(self._conversation.messages)

    def gold_actions(self, task: Task | None = None) -> list[str]:
        """The gold turns of a task as raw text in this environment's protocol; `ScriptedPolicy` plays them."""
        return [self.protocol.render(message) for message in self._gold(self._named(task))]

    def scored_turns(self, task: Task | None = None) -> list[int]:
        """The gold turns of a task that step-wise mode can score: values of the reset option `turn`."""
        return self._scored_turns(self._gold(self._named(task)))

    # Inside.

    def _named(self, task: Task | None) -> Task:
        named = task or self.task
        if named is None:
            raise ConfigError("No task: call reset() first or give one.")
        return named

    def _score_gold_turn(self, message: Message, fault: str | None) -> StepResult:
        assert self.task is not None and self.gold_turn is not None
        matched = fault is None and self._matches(message, self._gold(self.task)[self.gold_turn])
        verdict = score_turn(matched, fault)
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
        if self.max_context is not None and self._conversation.size > self.max_context:
            return "max_context"
        if self.timeout is not None and time.monotonic() - self._started > self.timeout:
            return "timeout"
        if self.max_faults is not None and self._faults >= self.max_faults:
            return "max_faults"
        return None

    def _info(self) -> dict[str, Any]:
        assert self.task is not None
        tools = [] if self._tools_in_prompt else self._tools()
        info = {"task_id": self.task.id, "reward_mode": self.mode, "tools": tools}
        return info if self.gold_turn is None else {**info, "turn": self.gold_turn}

    def _observe(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        return self._conversation.observe(messages, self._tools() if self._tools_in_prompt else ())
