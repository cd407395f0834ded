"""Short journals for the tests."""

from collections.abc import Callable

import pytest
from granary import Ledger, parse_journal, run_journal

HEAD = """\
item TEA each Green tea
item CAKE each Plum cake
unit box TEA 12
"""


@pytest.fixture
def head() -> str:
    """Items and units: tea, also in boxes of twelve, and cake."""
    return HEAD


@pytest.fixture
def books() -> Callable[[str], Ledger]:
    """Gives the ledger of entries about tea and cake."""
    return lambda entries: run_journal(parse_journal(HEAD + entries))
