"""The text protocol of mini-swe-agent-plus: a reply holds exactly one block of bash with one command."""

from collections.abc import Mapping, Sequence
from typing import Any

from forge_envs.core.errors import ActionError, ConfigError
from forge_envs.core.messages import Message, assistant
from forge_envs.core.protocols import Protocol
from forge_envs.core.protocols.base import without_thought
from forge_envs.swe.quoting import quoted

_OPEN, _CLOSE = "```bash", "\n```"


def commands_of(text: str) -> list[str]:
    """What is in the blocks of a reply, in order. The opening stands before nothing but the end of its line."""
    found, at = [], 0
    while (start := text.find(_OPEN, at)) >= 0:
        at = start + len(_OPEN)
        line = text.find("\n", at)
        if line < 0:
            break
        if text[at:line].strip():
            continue
        end = text.find(_CLOSE, line)
        if end < 0:
            break
        found.append(text[line + 1 : end])
        at = end + len(_CLOSE)
    return found


def block(thought: str, command: str) -> str:
    """A reply with one command, whatever is in it: one with the end of a block in it is written on one line."""
    if f"{command}\n".find(_CLOSE) >= 0 or command.startswith(_CLOSE[1:]):
        command = f"eval {quoted(command)}"
    return f"THOUGHT: {thought}\n\n{_OPEN}\n{command}{_CLOSE}"


def _parse(text: str) -> Message:
    said = without_thought(text).strip()
    found = commands_of(said)
    if len(found) != 1:
        raise ActionError(f"a reply has exactly one ```bash block with one command, and yours has {len(found)}")
    if not found[0].strip():
        raise ActionError("the ```bash block of your reply is empty")
    return assistant(said)


def _render(message: Message) -> str:
    if "tool_calls" in message:
        raise ConfigError("The protocol 'bash_block' has no form for tool calls: a command stands in a ```bash block.")
    return message["content"]


def _render_tools(tools: Sequence[Mapping[str, Any]]) -> str:
    return ""


def _render_results(results: Sequence[Message]) -> str:
    return "\n".join(message["content"] for message in results)


BASH_BLOCK = Protocol("bash_block", _parse, _render, _render_tools, _render_results)
