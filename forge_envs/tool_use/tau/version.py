"""The versions of the benchmark: one core, and every difference in behaviour is a switch here."""

from dataclasses import dataclass

from forge_envs.core.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class TauVersion:
    """How a version of tau-bench behaves.

    Error texts differ too; they stand in pairs beside the backend that says them.

    Args:
        name: ``v1`` or ``tau2``.
        typed: Records obey typed models: a value that becomes part of one is validated and normalised (tau2's
            ``data_model.py``). Without, the database keeps whatever JSON value a call gave it.
        one_call: Of several tool calls in one message only the first is carried out (v1 ``ToolCallingAgent``).
        said_beside_calls: Text beside tool calls counts as said to the user (tau2 ``CommunicateEvaluator``).
        terminating: Tools that end the episode.
        stop_tokens: Texts by which the simulated user ends the dialogue, wherever they occur in a reply.
        pending_by_word: Address and payment may be changed in every order whose status contains "pending".
        new_item_must_differ: An item may not be replaced by itself.
        last_variant_wins: `modify_pending_order_items` writes price and options of the last new item into all modified
            ones (tau2 issues #317, #318, #325).
        cabin_is_updated: `update_reservation_flights` also changes the cabin (v1 does not, its PR #23).
        seats_are_taken: `book_reservation` takes seats from the flights.
        onestop_first_date: `search_onestop_flight` shows seats and prices of the first date for both legs.
    """

    name: str
    typed: bool
    one_call: bool
    said_beside_calls: bool
    terminating: frozenset[str]
    stop_tokens: tuple[str, ...]
    pending_by_word: bool
    new_item_must_differ: bool
    last_variant_wins: bool
    cabin_is_updated: bool
    seats_are_taken: bool
    onestop_first_date: bool

    def pick(self, texts: tuple[str, str]) -> str:
        """One of a pair of texts: the first is v1's, the second tau2's."""
        return texts[self.typed]


V1 = TauVersion(
    name="v1",
    typed=False,
    one_call=True,
    said_beside_calls=False,
    terminating=frozenset({"transfer_to_human_agents"}),
    stop_tokens=("###STOP###",),
    pending_by_word=False,
    new_item_must_differ=False,
    last_variant_wins=False,
    cabin_is_updated=False,
    seats_are_taken=False,
    onestop_first_date=True,
)
"""tau-bench at commit 59a200c."""

TAU2 = TauVersion(
    name="tau2",
    typed=True,
    one_call=False,
    said_beside_calls=True,
    terminating=frozenset(),
    stop_tokens=("###STOP###", "###TRANSFER###", "###OUT-OF-SCOPE###"),
    pending_by_word=True,
    new_item_must_differ=True,
    last_variant_wins=True,
    cabin_is_updated=True,
    seats_are_taken=True,
    onestop_first_date=False,
)
"""tau2-bench 1.0.1 at commit a2c0247, text and half duplex."""

VERSIONS: dict[str, TauVersion] = {version.name: version for version in (V1, TAU2)}
"""Versions by name."""


def get_version(name: str) -> TauVersion:
    """The version of that name.

    Raises:
        ConfigError: There is none.
    """
    if name not in VERSIONS:
        raise ConfigError(f"Unknown tau-bench version {name!r}: use one of {list(VERSIONS)}.")
    return VERSIONS[name]
