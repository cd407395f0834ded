"""The error family. The name of an error says at which boundary something failed."""

from typing import Any


class ForgeError(Exception):
    """Base of every error that Forge raises on purpose."""


class ConfigError(ForgeError):
    """A caller asked for something that does not exist or does not fit; the message says what to change."""


class TaskError(ForgeError):
    """Task data is wrong. The message names the file and the field."""


class ActionError(ForgeError):
    """A model's reply is malformed. Never leaves ``step``: the model sees the message as an observation."""


class ToolError(ForgeError):
    """A tool refused a call. The model sees the message as the tool's result."""


class UnknownToolError(ToolError):
    """A call names a tool that does not exist."""


class ArgumentsError(ToolError):
    """A call's arguments don't fit the tool's schema."""


class SandboxError(ForgeError):
    """A sandbox could not be had or died. Never a reward of 0."""


class SimulatorError(ForgeError):
    """A simulated user or tool gave no usable answer. Never a reward of 0."""


class GraderError(ForgeError):
    """Grading failed for a reason that is not the model's.

    Args:
        message: What went wrong.
        artifact: What the agent produced, so that grading can be repeated without the rollout.
    """

    def __init__(self, message: str, artifact: dict[str, Any] | None = None):
        super().__init__(message)
        self.artifact = artifact


class PolicyError(ForgeError):
    """A policy raised, timed out or returned something that is not a reply."""


class ContextError(PolicyError):
    """The conversation no longer fits the policy's context. The episode is truncated, not failed."""
