"""Protocols: how the raw text that a model writes and our messages map onto each other.

Parsing happens here and nowhere else. A policy returns raw text; the environment's protocol reads it.
"""

from forge_envs.core.errors import ConfigError
from forge_envs.core.protocols.base import Protocol
from forge_envs.core.protocols.hermes import HERMES
from forge_envs.core.protocols.native import OPENAI
from forge_envs.core.protocols.python_calls import PYTHON

__all__ = ["PROTOCOLS", "Protocol", "get_protocol"]

PROTOCOLS: dict[str, Protocol] = {protocol.name: protocol for protocol in (HERMES, OPENAI, PYTHON)}
"""Every protocol by name. Text that comes from a model is read by the one that the environment was made with."""


def get_protocol(name: str) -> Protocol:
    """The protocol of that name.

    Raises:
        ConfigError: There is none.
    """
    if name not in PROTOCOLS:
        raise ConfigError(f"Unknown protocol {name!r}: use one of {sorted(PROTOCOLS)}.")
    return PROTOCOLS[name]
