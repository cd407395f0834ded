"""The shared data of BFCL, half of each category."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from forge_oracle import DATA

from forge_envs.tool_use.bfcl.data import Entry, load_category


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder with upstream's files; the test is skipped where it is absent."""
    if not (DATA / "BFCL_v4_simple_python.json").is_file():
        pytest.skip(f"BFCL's data is not at {DATA}")
    return DATA.resolve()


@pytest.fixture(scope="session")
def entries(data: Path) -> Callable[[str], list[Entry]]:
    """The entries of a category; read once."""
    return cache(lambda category: load_category(data, category))
