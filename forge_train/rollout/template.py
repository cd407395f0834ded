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
    knows no added token at all, so a tool result that contains ``<|im_end|>`` is just those characters. Of tool schemas
    and names only the pieces that look like an added token get a slot: a template may escape or rearrange the rest.

    Args:
        tokenizer: A Hugging Face tokenizer with a `tokenizers` backend and a chat template.
        template_kwargs: Passed to the template, for example ``{"enable_thinking": False}``.

    Raises:
        ConfigError: The tokenizer has no backend, no chat template or no end-of-sequence token, or its model makes a
            special token of ordinary text.
    """

    def __init__(self, tokenizer: Any, *, template_kwargs: Mapping[str, Any] | None = None):
        if not getattr(tokenizer, "is_fast", False):
            raise ConfigError("This tokenizer has no `tokenizers` backend; load it with AutoTokenizer.")
        if not tokenizer.chat_template or tokenizer.eos_token_id is None:
            raise ConfigError("This tokenizer needs a chat_template and an eos_token; set both.")
        self.tokenizer = tokenizer
        self._kwargs = dict(template_kwargs or {})
        self._plain, self._spoken = _without_added_tokens(tokenizer), _without_special_tokens(tokenizer)
        added = tokenizer.backend_tokenizer.get_added_tokens_decoder()
        for number, token in added.items():
            if token.special and number in self._plain.encode(token.content, add_special_tokens=False).ids:
                raise ConfigError(
                    f"The vocabulary of this tokenizer holds {token.content!r} as an ordinary word, so that text could "
                    "forge a turn; use a tokenizer that adds its special tokens to the vocabulary."
                )
        pieces = sorted((re.escape(token.content) for token in added.values()), key=len, reverse=True)
        self._risky = re.compile("|".join([*pieces, "[\ue000\ue001]"]))

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

        def guarded(value: Any) -> Any:
            if isinstance(value, str):
                return self._risky.sub(lambda found: slot(found[0]), value)
            if isinstance(value, Mapping):
                return {guarded(key): guarded(item) for key, item in value.items()}
            return [guarded(item) for item in value] if isinstance(value, list) else value

        slotted = [{**guarded(dict(m)), "content": m["content"] and slot(m["content"])} for m in messages]
        rendered = self.tokenizer.apply_chat_template(
            slotted,
            tools=[guarded(tool) for tool in tools] or None,
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


def _without_added_tokens(tokenizer: Any) -> Any:
    """For text that others wrote."""
    from tokenizers import Tokenizer

    state = json.loads(tokenizer.backend_tokenizer.to_str())
    return Tokenizer.from_str(json.dumps({**state, "added_tokens": []}))


def _without_special_tokens(tokenizer: Any) -> Any:
    """For what an assistant says: marks of a tool call may be tokens. Their ids stay, so no token may be taken out."""
    from tokenizers import Tokenizer

    state = json.loads(tokenizer.backend_tokenizer.to_str())
    # A model can sample text that is not in normal form, and ids must decode to the very text.
    if (state["normalizer"] or {}).get("type") in ("NFC", "NFD", "NFKC", "NFKD"):
        state["normalizer"] = None
    spoken = Tokenizer.from_str(json.dumps(state))
    spoken.encode_special_tokens = True
    return spoken
