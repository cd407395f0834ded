"""A policy behind any OpenAI-compatible chat endpoint: a vLLM server, a teacher."""

from typing import Any

from forge_envs.core.errors import ContextError, PolicyError
from forge_envs.core.messages import to_openai
from forge_train.policies.base import Reply, Request


class OpenAIPolicy:
    """Asks a chat endpoint for each assistant message.

    Args:
        model: The served model's name.
        base_url: The endpoint, for example ``http://127.0.0.1:8000/v1``; None means the client's default.
        api_key: None means the client's own (the environment variable); servers without keys take any text.
        native_tools: Send the tool schemas and take `tool_calls` back. Without, the reply's text is the action.
        timeout: Seconds for one request.
        retries: How often the client repeats a failed request, with its own back-off.
        **sampling: Passed to every request, for example ``temperature=0.7, max_tokens=1024``.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        native_tools: bool = True,
        timeout: float = 600.0,
        retries: int = 3,
        **sampling: Any,
    ):
        self.name, self.renderer = model, None
        self._native, self._sampling = native_tools, sampling
        self._connection: dict[str, Any] = {
            "base_url": base_url,
            "api_key": api_key,
            "timeout": timeout,
            "max_retries": retries,
        }
        self._client: Any = None

    async def act(self, request: Request) -> Reply:
        """One chat completion.

        Raises:
            ContextError: The conversation is too long for the model.
            PolicyError: The endpoint failed after its retries, or returned no message.
        """
        from openai import AsyncOpenAI, OpenAIError

        if self._client is None:
            self._client = AsyncOpenAI(**self._connection)
        tools = {"tools": list(request.tools)} if self._native and request.tools else {}
        try:
            completion = await self._client.chat.completions.create(
                model=self.name, messages=to_openai(request.messages), seed=request.seed, **tools, **self._sampling
            )
        except OpenAIError as error:
            kind = ContextError if _too_long(error) else PolicyError
            raise kind(f"{self.name}: {type(error).__name__}: {str(error)[:300]}") from error
        message = getattr(completion.choices[0], "message", None) if completion.choices else None
        if message is None:
            raise PolicyError(f"{self.name}: the endpoint returned no message.")
        return Reply(message)

    async def aclose(self) -> None:
        """Close the client's connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None


def _too_long(error: Exception) -> bool:
    """Whether a refusal means that the prompt exceeds the context: OpenAI gives a code, vLLM only the sentence."""
    if getattr(error, "status_code", None) != 400:
        return False
    return getattr(error, "code", None) == "context_length_exceeded" or "maximum context length" in str(error)
