"""Users: who the agent talks to. `make_user` is the one place that knows the kinds."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from forge_envs.core.errors import ConfigError
from forge_envs.tool_use.users.scripted import ScriptedUser


class User(Protocol):
    """Somebody who opens a dialogue and answers until leaving."""

    def open(self) -> str:
        """The first message."""

    def answer(self, text: str) -> str | None:
        """What the user says to `text`; None if the user leaves.

        Raises:
            SimulatorError: The user's backend failed. The episode has failed then; it is not the agent's 0.
        """


def make_user(
    spec: Mapping[str, Any] | None,
    *,
    instruction: str,
    script: Sequence[Mapping[str, Any]] = (),
    guidelines: str = "",
    stop_tokens: Sequence[str] = ("###STOP###",),
) -> User:
    """The user of one episode.

    Args:
        spec: None: scripted from the task. A mapping: played by a chat endpoint, with the fields of `ChatSpec`.
        instruction: A scripted user says it first; a played one is told it.
        script: Replies of a scripted user.
        guidelines: What a played user is told about its part; empty means Forge's own text.
        stop_tokens: Texts by which a played user leaves.

    Raises:
        ConfigError: The spec has an unknown field or lacks `model`.
    """
    if spec is None:
        return ScriptedUser(script, opening=instruction)
    from forge_envs.tool_use.users.chat import ChatSpec, ChatUser

    try:
        checked = ChatSpec(**spec)
    except TypeError as error:
        fields = ", ".join(ChatSpec.__dataclass_fields__)
        raise ConfigError(f"A user is None (scripted) or has the fields {fields}: {error}.") from error
    return ChatUser(checked, instruction=instruction, guidelines=guidelines, stop_tokens=stop_tokens)
