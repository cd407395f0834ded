"""Values as JSON text, unambiguous in both directions: what function mode sends in and gets out.

None, bool, int, float, str and list are themselves in JSON; a dict with string keys is an object. Everything else is
an object with one key that begins with `$`:

| value | JSON |
|---|---|
| tuple | `{"$tuple": [...]}` |
| set, frozenset | `{"$set": [...]}`, `{"$frozenset": [...]}`, in order of their JSON text |
| dict with other keys, or one whose only key begins with `$` | `{"$dict": [[key, value], ...]}`, in its order |
| nan, infinities | `{"$float": "nan"}`, `"inf"`, `"-inf"` |
| int of more than 4,000 bits | `{"$int": "-1f..."}`, hexadecimal |
| complex | `{"$complex": [real, imaginary]}` |
| bytes | `{"$bytes": "6869"}`, hexadecimal |

Only exact types count: a subclass may lie about what it is. From a program these are taken for their plain type:
`OrderedDict`, `defaultdict`, `Counter` (dict), and numpy's scalars (bool, int, float).
"""

import json
from typing import Any

from forge_envs.core.errors import ConfigError
from forge_envs.sandbox.judge.inside.exact import DEPTH, Foreign, from_plain, to_plain

__all__ = ["DEPTH", "decode", "encode"]


def encode(value: Any) -> str:
    """JSON text of a value.

    Raises:
        ConfigError: The value is, or holds, something that is none of the types above.
    """
    try:
        return json.dumps(to_plain(value), separators=(",", ":"))
    except Foreign as error:
        raise ConfigError(
            f"{error}; arguments are None, bool, int, float, str, bytes and containers of these."
        ) from None


def decode(text: str) -> Any:
    """The value that a text stands for, of exact builtin types.

    Raises:
        ValueError: The text is not what `encode` gives. A hostile program can make it anything.
    """
    try:
        return from_plain(json.loads(text))
    except (RecursionError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"not a value: {type(error).__name__}") from None
