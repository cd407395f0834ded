"""Making backends: one fresh instance of each class of an entry, and which of its methods are tools."""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any

from forge_envs.core.errors import TaskError

_MODULES: dict[str, str] = {
    "GorillaFileSystem": "files",
    "MathAPI": "math",
    "MessageAPI": "message",
    "TwitterAPI": "posting",
    "TicketAPI": "ticket",
    "TradingBot": "trading",
    "TravelAPI": "travel",
    "VehicleControlAPI": "vehicle",
}
DOC_FILES: Mapping[str, str] = {
    "GorillaFileSystem": "gorilla_file_system.json",
    "MathAPI": "math_api.json",
    "MessageAPI": "message_api.json",
    "TwitterAPI": "posting_api.json",
    "TicketAPI": "ticket_api.json",
    "TradingBot": "trading_bot.json",
    "TravelAPI": "travel_booking.json",
    "VehicleControlAPI": "vehicle_control.json",
}
"""Class to the file of its function docs in upstream's ``multi_turn_func_doc``."""


@cache
def backend_class(name: str) -> Callable[..., Any]:
    """The class of that name; its module is imported when first asked for.

    Raises:
        TaskError: No such class.
    """
    if name not in _MODULES:
        raise TaskError(f"involved_classes: unknown class {name!r}: the classes are {sorted(_MODULES)}.")
    found: Callable[..., Any] = getattr(import_module(f"forge_envs.tool_use.bfcl.backends.{_MODULES[name]}"), name)
    return found


@cache
def tool_names(name: str) -> tuple[str, ...]:
    """The public methods of a class: its tools."""
    return tuple(method for method in vars(backend_class(name)) if not method.startswith("_"))


_OWNED = ("CREDIT_CARD_EXTENSION", "BOOKING_RECORD_EXTENSION")
"""Long-context material that calls change."""


def make_backends(classes: Iterable[str], config: Mapping[str, Any], extra: Mapping[str, Any] | None) -> dict[str, Any]:
    """Fresh instances that share nothing with the task or with other instances.

    Args:
        classes: The entry's `involved_classes`.
        config: The entry's `initial_config`: class name to its configuration; it is copied.
        extra: Long-context material, for entries that use it; what calls can change of it is copied.
    """
    return _make(classes, config, _with_own_rows(extra))


def make_sharing_backends(
    classes: Sequence[str], config: Mapping[str, Any], extra: Mapping[str, Any] | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two sets of instances that share what upstream's model side and gold side share (`Rules.shared_objects`)."""
    extra, mentions = _with_own_rows(extra), list[str]()
    pair = _make(classes, config, extra), _make(classes, config, extra)
    for backends in pair:
        if "TwitterAPI" in backends:
            backends["TwitterAPI"]._share_mentions(mentions)
    return pair


def _make(classes: Iterable[str], config: Mapping[str, Any], extra: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: backend_class(name)(copy.deepcopy(config.get(name, {})), extra) for name in classes}


def _with_own_rows(extra: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return extra and {**extra, **{key: {name: dict(row) for name, row in extra[key].items()} for key in _OWNED}}


def state_of(backend: Any) -> dict[str, Any]:
    """The public attributes, which are what the state checker compares."""
    return {name: value for name, value in vars(backend).items() if not name.startswith("_")}
