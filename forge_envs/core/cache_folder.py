"""Where Forge keeps what it can make again."""

import os
from pathlib import Path


def default_folder() -> Path:
    """``$FORGE_CACHE``, else ``forge`` in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    chosen = os.environ.get("FORGE_CACHE")
    return Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "forge"
