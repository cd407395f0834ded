"""A user played by a language model behind any OpenAI-compatible chat endpoint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from forge_envs.core.errors import ConfigError, SimulatorError
from forge_envs.tool_use.users.hearing import as_heard, without_thoughts

GREETING = "Hi! How can I help you today?"
"""What the user's model hears first (tau-bench ``LLMUserSimulationEnv.reset``)."""

GUIDELINES = """\
You play a customer who talks to a service agent. Stay in this part.

{instruction}

How to play it:
- Write only what the customer says next, in one line.
- Tell things step by step, as the agent needs them, not everything at once.
- Know only what is written above. If the agent asks for anything else, for example an order number that is not there,
  say that you don't have it or don't remember; never make it up.
- Use your own words instead of repeating the text above, keep to the character it describes, and sound natural.
- When all that you wanted has been done, write {stop} alone and nothing else; that ends the conversation."""
"""The rules of tau-bench's user prompt, in our words; a benchmark that ships its own guidelines brings them instead."""


@dataclass(frozen=True, kw_only=True)
class ChatSpec:
    """How to reach the model that plays the user. Plain values, so that `gym.make` takes it and it can be pickled.

    Args:
        model: The served model's name.
        base_url: The endpoint, for example ``http://127.0.0.1:8000/v1``; None means the client's default.
        api_key: None means the client's default, the variable OPENAI_API_KEY.
        temperature: Of sampling; 1 is what tau-bench's user has.
        max_tokens: Of one reply, reasoning included.
        timeout: Seconds for one request.
        retries: How often the client repeats a request that failed.
        extra: More fields of the request, for example ``{"extra_body": {...}}``.
    """

    model: str
    base_url: str | None = None
    api_key: str | None = None
    temperature: float = 1.0
    max_tokens: int = 1024
    timeout: float = 60.0
    retries: int = 3
    extra: Mapping[str, Any] = field(default_factory=dict)


class ChatUser:
    """A user that a model plays. Nothing is opened before the first message.

    The user leaves when its own reply holds a stop token (tau-bench's rule: anywhere in it). The agent's text reaches
    the model through `as_heard`, so it can't bring a stop token itself.

    Args:
        spec: How to reach the model.
        instruction: Who the user is and wants.
        guidelines: The prompt; ``{instruction}`` stands for the instruction, which follows the prompt in a
            ``<scenario>`` where it is missing. Empty means `GUIDELINES`.
        stop_tokens: Texts by which the user leaves.
    """

    def __init__(self, spec: ChatSpec, *, instruction: str, guidelines: str = "", stop_tokens: Sequence[str]):
        self._spec, self._stop_tokens = spec, tuple(stop_tokens)
        prompt = guidelines or GUIDELINES.replace("{stop}", self._stop_tokens[0])
        if "{instruction}" in prompt:
            prompt = prompt.replace("{instruction}", instruction)
        else:
            prompt = f"{prompt.strip()}\n\n<scenario>\n{instruction}\n</scenario>"
        self._messages: list[dict[str, str]] = [{"role": "system", "content": prompt}]

    def open(self) -> str:
        """The first message.

        Raises:
            SimulatorError: The model failed, or left before it said anything.
        """
        said = self._reply(GREETING)
        if said is None:
            raise SimulatorError(f"The simulated user {self._spec.model!r} left before it said anything.")
        return said

    def answer(self, text: str) -> str | None:
        """What the user says to `text`; None if the user leaves.

        Raises:
            SimulatorError: The model failed after the client's retries, or gave no text.
        """
        return self._reply(as_heard(text, self._stop_tokens))

    def _reply(self, heard: str) -> str | None:
        self._messages.append({"role": "user", "content": heard})
        said = self._complete()
        self._messages.append({"role": "assistant", "content": said})
        return None if any(token in said for token in self._stop_tokens) else said

    def _complete(self) -> str:
        spec = self._spec
        try:
            client = _client(spec.base_url, spec.api_key, spec.timeout, spec.retries)
            completion = client.chat.completions.create(
                **{
                    "model": spec.model,
                    "messages": self._messages,
                    "temperature": spec.temperature,
                    "max_tokens": spec.max_tokens,
                    **spec.extra,
                }
            )
            said = completion.choices[0].message.content
        except ConfigError:
            raise
        except Exception as error:  # whatever the client or a strange server does, it is not the agent's fault
            what = f"{type(error).__name__}: {str(error)[:300]}"
            raise SimulatorError(f"The simulated user {spec.model!r} failed: {what}") from error
        spoken = without_thoughts(said) if isinstance(said, str) else ""
        if not spoken:
            raise SimulatorError(f"The simulated user {spec.model!r} gave no text.")
        return spoken


@lru_cache(maxsize=16)
def _client(base_url: str | None, api_key: str | None, timeout: float, retries: int) -> Any:
    """One client for each endpoint: it is safe in threads, and each one costs a connection pool."""
    try:
        from openai import OpenAI
    except ImportError as error:
        raise ConfigError(
            "A user behind a chat endpoint needs the extra: pip install 'forge-agents[openai]'."
        ) from error
    return OpenAI(base_url=base_url, api_key=api_key, timeout=timeout, max_retries=retries)
