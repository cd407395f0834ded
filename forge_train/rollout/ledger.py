"""The token ledger: which ids an episode consists of, who wrote each, and with what probability."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forge_envs.core.errors import PolicyError
from forge_envs.core.messages import Message
from forge_train.rollout.template import Renderer


@dataclass(frozen=True)
class TokenRow:
    """The tokens of one episode. All fields have the same length; the prompt is all before the first sampled token.

    Args:
        ids: Token ids.
        loss_mask: True where the policy sampled the token.
        turn: Index of the assistant turn that the token belongs to or answers; -1 in the prompt.
        logprobs: The sampler's log-probability of a sampled token, 0.0 elsewhere.
        version: Version of the weights that sampled the token, -1 elsewhere.
    """

    ids: tuple[int, ...]
    loss_mask: tuple[bool, ...]
    turn: tuple[int, ...]
    logprobs: tuple[float, ...]
    version: tuple[int, ...]


class Ledger:
    """Writes the rows of one episode. Sampled ids are appended as they are; nothing written ever changes.

    Args:
        renderer: Encodes prompts and environment messages.
        write: Raw text of an assistant message in the environment's protocol, for gold prefixes.
    """

    def __init__(self, renderer: Renderer, write: Callable[[Message], str]):
        self._renderer, self._write = renderer, write
        self._closed: list[TokenRow] = []
        self._turn = -1
        self._begin([])

    def _begin(self, ids: list[int]) -> None:
        count = len(ids)
        self._ids, self._mask, self._turns = ids, [False] * count, [-1] * count
        self._logprobs, self._versions = [0.0] * count, [-1] * count

    @property
    def ids(self) -> tuple[int, ...]:
        """Everything written to the open row: what the policy continues."""
        return tuple(self._ids)

    def start(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> None:
        """Begin a row with a whole conversation as its prompt. A row that holds sampled tokens is closed first."""
        if any(self._mask):
            self._closed.append(self._row())
        self._begin(self._renderer.prompt(messages, tools, self._write))

    def sampled(self, ids: Sequence[int], logprobs: Sequence[float], version: int, action: str) -> None:
        """Append one assistant turn.

        Args:
            ids: As sampled, with the stop token if it was sampled.
            logprobs: Of each id, natural logarithm.
            version: Of the weights.
            action: The raw action that `step` receives.

        Raises:
            PolicyError: The ids don't decode to the action, the lengths differ, or a log-probability is not finite.
        """
        if not ids or len(ids) != len(logprobs):
            raise PolicyError(f"A policy returned {len(ids)} ids and {len(logprobs)} log-probabilities.")
        try:
            text, finite = self._renderer.text(ids), all(map(math.isfinite, logprobs))
        except Exception as error:
            raise PolicyError(f"A policy returned ids or log-probabilities that are none: {error}") from error
        if not finite:
            raise PolicyError("A policy returned a log-probability that is not finite.")
        if text != action:
            raise PolicyError("A policy returned ids that don't decode to its action.")
        self._turn += 1
        self._extend(ids, logprobs, True, version)

    def observed(self, messages: Sequence[Message]) -> None:
        """Append the environment's answer, up to where the assistant speaks next."""
        ids = self._renderer.suffix(messages, after=self._ids[-1])
        self._extend(ids, [0.0] * len(ids), False, -1)

    def rows(self) -> tuple[TokenRow, ...]:
        """All rows that hold sampled tokens."""
        return (*self._closed, self._row()) if any(self._mask) else tuple(self._closed)

    def _extend(self, ids: Sequence[int], logprobs: Sequence[float], sampled: bool, version: int) -> None:
        count = len(ids)
        self._ids += ids
        self._mask += [sampled] * count
        self._turns += [self._turn] * count
        self._logprobs += logprobs
        self._versions += [version] * count

    def _row(self) -> TokenRow:
        return TokenRow(
            ids=tuple(self._ids),
            loss_mask=tuple(self._mask),
            turn=tuple(self._turns),
            logprobs=tuple(self._logprobs),
            version=tuple(self._versions),
        )
