"""Issues from a chat endpoint: a model words what the template says, and nothing that gives the repair away passes."""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from forge_envs.core.errors import ConfigError, SimulatorError
from forge_envs.tool_use.users.hearing import without_thoughts

ATTEMPTS = 3
"""Texts that are asked for before a candidate is refused."""

SHORTEST, LONGEST = 80, 8000
"""Characters of an issue."""

GRAM = 8
"""Tokens in a row that an issue may not share with what is secret."""

_STYLES = (
    "short and matter-of-fact",
    "detailed, as somebody writes who has looked at several inputs",
    "informal, as somebody writes who is in the middle of other work",
    "polite, with what was expected and what happened as two paragraphs",
)
_RULES = """\
You report bugs to open-source projects. Write the issue of a user who has met the bug that the notes show.
- Markdown; the first line is a heading.
- Keep the example program and what it printed, so that a developer can see the same.
- Say what you expected. Say nothing of where the cause is, which file holds it, how to repair it, or of tests.
- Write nothing but the issue. Style: {style}."""
_AGAIN = (
    "That names a file of the project, or shows code of its repair, or is no issue of a usual length. Write it again,"
    " as somebody who has never seen the project's source."
)


@dataclass(frozen=True)
class ChatSpec:
    """How to reach the model.

    Args:
        endpoint: For example ``http://127.0.0.1:8000/v1``.
        model: The served model's name.
        api_key: A server of one's own takes any.
        timeout: Seconds for one request.
        retries: How often the client repeats a request that failed.
    """

    endpoint: str
    model: str
    api_key: str = field(default="none", repr=False)
    timeout: float = 120.0
    retries: int = 3


def chat_issue(spec: ChatSpec, notes: str, secrets: Iterable[str], seed: str) -> str:
    """An issue as Markdown; empty where each text that the model gave gives something away.

    Args:
        spec: The model.
        notes: The template's issue, all that the model is told; what is in it is not secret.
        secrets: Paths, changed lines, and the repaired functions' lines.
        seed: Chooses the style.

    Raises:
        ConfigError: The `openai` client is not installed.
        SimulatorError: The endpoint failed after the client's retries, or gave no text.
    """
    hidden = list(secrets)
    style = random.Random(seed).choice(_STYLES)
    messages = [{"role": "system", "content": _RULES.format(style=style)}, {"role": "user", "content": notes}]
    for _ in range(ATTEMPTS):
        text = _complete(spec, messages)
        if SHORTEST <= len(text) <= LONGEST and not gives_away(text, hidden, notes):
            return text
        messages = [*messages[:2], {"role": "assistant", "content": text}, {"role": "user", "content": _AGAIN}]
    return ""


def gives_away(text: str, secrets: Iterable[str], notes: str = "") -> bool:
    """Whether a text holds a path, a file's name, or code of a secret line, however it is spaced.

    Args:
        text: An issue.
        secrets: Paths and lines.
        notes: What is known anyway.
    """
    squeezed, known = (re.sub(r"\s+", "", one) for one in (text, notes))
    shown = _grams(text) - _grams(notes)
    lines = list(secrets)
    for secret in lines:
        names = [secret, secret.rpartition("/")[2]] if secret.endswith(".py") else [secret]
        for name in (re.sub(r"\s+", "", one) for one in names):
            if len(name) > 3 and name in squeezed and name not in known and name not in ("__init__.py",):
                return True
    # Lines one after the other, for code that is broken differently.
    return bool(shown & _grams("\n".join(line for line in lines if not line.endswith(".py"))))


def _grams(text: str) -> frozenset[tuple[str, ...]]:
    tokens = re.findall(r"\w+|[^\w\s]", text)
    return frozenset(tuple(tokens[start : start + GRAM]) for start in range(len(tokens) - GRAM + 1))


def _complete(spec: ChatSpec, messages: list[dict[str, str]]) -> str:
    try:
        client = _client(spec)
        done = client.chat.completions.create(model=spec.model, messages=messages, temperature=0.7, max_tokens=4096)
        said = done.choices[0].message.content
    except ConfigError:
        raise
    except Exception as error:  # whatever the client or a strange server does, no issue is made up instead
        what = f"{type(error).__name__}: {str(error)[:300]}"
        raise SimulatorError(f"The model {spec.model!r} that writes issues failed: {what}") from error
    text = without_thoughts(said) if isinstance(said, str) else ""
    if not text:
        raise SimulatorError(f"The model {spec.model!r} that writes issues gave no text.")
    return text.encode(errors="replace").decode()


@lru_cache(maxsize=4)
def _client(spec: ChatSpec) -> Any:
    """One for each endpoint: it is safe in threads, and each one costs a connection pool."""
    try:
        from openai import OpenAI
    except ImportError as error:
        raise ConfigError("Issues from an endpoint need the extra: pip install 'forge-agents[openai]'.") from error
    return OpenAI(base_url=spec.endpoint, api_key=spec.api_key, timeout=spec.timeout, max_retries=spec.retries)
