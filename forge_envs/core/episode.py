"""The record of an episode, as one JSON line with a version."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from forge_envs.core.errors import TaskError
from forge_envs.core.messages import Message

EPISODE_VERSION = 1


@dataclass(frozen=True)
class Turn:
    """One action and what came of it.

    Args:
        action: The raw text that `step` received; None where it received a chat message.
        message: The assistant message that the environment read.
        observation: Messages that answered it.
        reward: What `step` returned.
        components: The named parts whose sum is `reward`.
        fault: What was wrong with the reply's format, if anything.
        seconds: Wall time of the policy and of the environment.
    """

    action: str | None
    message: Message
    observation: tuple[Message, ...]
    reward: float
    components: Mapping[str, float] = field(default_factory=dict)
    fault: str | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class End:
    """How an episode ended.

    Args:
        status: ``completed``, ``truncated`` or ``failed``; a failed episode has no reward, not a reward of 0.
        reason: Of a truncation: ``max_steps``, ``max_context``, ``timeout`` or ``max_faults``.
        boundary: Of a failure: ``environment``, ``policy``, ``sandbox``, ``simulator``, ``grader`` or ``task``.
        error: Of a failure: the error's type and text.
    """

    status: str
    reason: str | None = None
    boundary: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class Episode:
    """Everything worth keeping of one episode, without tokens.

    Args:
        id: Unique within a run, for example ``library-train-0001#3``.
        env_id: Gymnasium id.
        suite: Suite name, and `suite_hash` its content hash.
        task_id: The task; `mode` the reward mode; `turn` the gold turn of a step-wise episode.
        seed: The seed of reset and of sampling.
        policy: The policy's name.
        prompt: Messages that reset returned.
        tools: Tool schemas that the agent saw.
        turns: In order.
        end: How it ended.
        artifact: What the grader needs; enough to grade again.
        outcome: The verdict's reward, None where there is no verdict.
        verdict: The verdict's components and details.
        version: Of this record.
    """

    id: str
    env_id: str
    suite: str
    suite_hash: str
    task_id: str
    mode: str
    seed: int
    policy: str
    prompt: tuple[Message, ...]
    tools: tuple[Mapping[str, Any], ...]
    turns: tuple[Turn, ...]
    end: End
    turn: int | None = None
    artifact: Mapping[str, Any] | None = None
    outcome: float | None = None
    verdict: Mapping[str, Any] | None = None
    version: int = EPISODE_VERSION

    @property
    def reward(self) -> float:
        """Sum of the step rewards."""
        return sum(t.reward for t in self.turns)

    def to_json(self) -> str:
        """One JSON line, without the newline."""
        return json.dumps(asdict(self))  # ASCII, because text may hold line separators and halves of surrogate pairs

    @classmethod
    def from_json(cls, line: str) -> "Episode":
        """Read a line that `to_json` wrote.

        Raises:
            TaskError: Not an episode, or one of another version.
        """
        try:
            row = json.loads(line)
            if row.get("version") != EPISODE_VERSION:
                raise TaskError(f"Episode record version {row.get('version')}: this Forge reads {EPISODE_VERSION}.")
            turns = tuple(Turn(**{**t, "observation": tuple(t["observation"])}) for t in row["turns"])
            fixed = {"turns": turns, "end": End(**row["end"]), "prompt": tuple(row["prompt"])}
            return cls(**{**row, **fixed, "tools": tuple(row["tools"])})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TaskError(f"Not an episode record: {type(error).__name__}: {error}") from error
