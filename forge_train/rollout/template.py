"""From messages to token ids, through a chat template, so that no message can forge a turn."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from forge_envs.core.errors import ConfigError
from forge_envs.core.messages import Message

_SLOT = re.compile("\ue000(\\d+)\ue001")


class Renderer:
    """Renders prompts and environment messages with a tokenizer's chat template.

    The template is rendered with a slot in the place of each text that a task, a tool or a user wrote. Template text is
    encoded with the tokenizer's special tokens; what goes into the slots is encoded by a copy of the tokenizer that
    knows no added token at all, so a tool result that contains ``<|im_end|>`` is just those characters.

    Args:
        tokenizer: A Hugging Face tokenizer with a `tokenizers` backend and a chat template.
        template_kwargs: Passed to the template, for example ``{"enable_thinking": False}``.

    Raises:
        ConfigError: The tokenizer has no backend, no chat template or no end-of-sequence token.
    """

    def __init__(self, tokenizer: Any, *, template_kwargs: Mapping[str, Any] | None = None):
        if not getattr(tokenizer, "is_fast", False):
            raise ConfigError("This tokenizer has no `tokenizers` backend; load it with AutoTokenizer.")
        if not tokenizer.chat_template or tokenizer.eos_token_id is None:
            raise ConfigError("This tokenizer needs a chat_template and an eos_token; set both.")
        self.tokenizer = tokenizer
        self._kwargs = dict(template_kwargs or {})
        self._plain = _without_added_tokens(tokenizer, keep=lambda token: False)
        self._spoken = _without_added_tokens(tokenizer, keep=lambda token: not token["special"])

    @property
    def stop_id(self) -> int:
        """The token that ends an assistant turn."""
        return int(self.tokenizer.eos_token_id)

    def prompt(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]], write: Callable[[Message], str]
    ) -> list[int]:
        """Ids of a whole conversation up to where the assistant speaks next.

        Args:
            messages: System, user, tool and assistant messages.
            tools: Tool schemas for the template.
            write: Raw text of an assistant message (the protocol's `render`).
        """
        first = next((i for i, m in enumerate(messages) if m["role"] == "assistant"), len(messages))
        ids = self._render(messages[:first], tools)
        position = first
        while position < len(messages):
            ids += self.action(write(messages[position]))
            following = position + 1
            while following < len(messages) and messages[following]["role"] != "assistant":
                following += 1
            ids += self.suffix(messages[position + 1 : following], after=ids[-1])
            position = following
        return ids

    def action(self, text: str) -> list[int]:
        """Ids of an assistant turn with that raw text, as a model would have sampled it, stop token included."""
        return [*self._spoken.encode(text, add_special_tokens=False).ids, self.stop_id]

    def suffix(self, messages: Sequence[Message], *, after: int) -> list[int]:
        """Ids that follow an assistant turn: the rest of that turn, the new messages, the next assistant's header.

        Args:
            messages: The environment's new messages.
            after: The last id so far. If the turn already ends with the template's stop token, it is not repeated.

        Raises:
            ConfigError: The template rewrites or drops an earlier assistant turn.
        """
        dummy: list[Message] = [{"role": "user", "content": "-"}, {"role": "assistant", "content": "-"}]
        ids = self._render([*dummy, *messages], (), since=1)
        return ids[1:] if ids[:1] == [after] else ids

    def text(self, ids: Sequence[int]) -> str:
        """The raw action that sampled ids stand for: decoded without the final stop token."""
        kept = ids[:-1] if ids and ids[-1] == self.stop_id else ids
        return str(self.tokenizer.decode(list(kept), skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def _render(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]], since: int | None = None
    ) -> list[int]:
        texts: list[str] = []

        def slot(text: str) -> str:
            texts.append(text)
            return f"\ue000{len(texts) - 1}\ue001"

        slotted = [{**m, "content": slot(m["content"])} if m["content"] else dict(m) for m in messages]
        rendered = self.tokenizer.apply_chat_template(
            slotted,
            tools=[_slotted(tool, slot) for tool in tools] or None,
            tokenize=False,
            add_generation_prompt=True,
            **self._kwargs,
        )
        parts = _SLOT.split(rendered)
        if since is not None:
            start = next((i for i in range(1, len(parts), 2) if int(parts[i]) == since), None)
            if start is None:
                raise ConfigError(
                    "The chat template drops an earlier assistant turn; use a prefix-preserving template."
                )
            parts = parts[start + 1 :]
        ids: list[int] = []
        for i, part in enumerate(parts):
            if i % 2:
                ids += self._plain.encode(texts[int(part)], add_special_tokens=False).ids
            elif part:
                ids += self.tokenizer.encode(part, add_special_tokens=False)
        return ids


def _slotted(value: Any, slot: Callable[[str], str]) -> Any:
    """Replace the strings of a tool schema that could hold a special token."""
    if isinstance(value, str):
        return slot(value) if "<" in value or "[" in value else value
    if isinstance(value, Mapping):
        return {key: _slotted(item, slot) for key, item in value.items()}
    return [_slotted(item, slot) for item in value] if isinstance(value, list) else value


def _without_added_tokens(tokenizer: Any, keep: Callable[[Mapping[str, Any]], bool]) -> Any:
    from tokenizers import Tokenizer

    state = json.loads(tokenizer.backend_tokenizer.to_str())
    state["added_tokens"] = [token for token in state["added_tokens"] if keep(token)]
    state["post_processor"] = None
    return Tokenizer.from_str(json.dumps(state))
