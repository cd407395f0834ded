"""Database tables that are copied where they are written: the loaded database itself never changes."""

from collections.abc import Iterator, Mapping
from typing import Any

Record = dict[str, Any]
Database = Mapping[str, Mapping[str, Record]]
Changes = dict[str, dict[str, Record]]
"""Table to key to record: every record that was written, as it is now."""


class Tables:
    """One episode's view of a database.

    Records are shared with every other view until `edit` or `put` gives this view one of its own, so a view costs
    nothing to make, and two views share nothing that either may change.

    Args:
        base: Table name to records by key. Never written to.
    """

    def __init__(self, base: Database):
        self._base = base
        self._own: Changes = {table: {} for table in base}

    def has(self, table: str, key: Any) -> bool:
        """Whether the table holds the key. As with a dict, an unhashable key is a `TypeError`."""
        return key in self._own[table] or key in self._base[table]

    def read(self, table: str, key: Any) -> Record:
        """A record, to be read only.

        Raises:
            KeyError: There is none.
        """
        own = self._own[table]
        return own[key] if key in own else self._base[table][key]

    def edit(self, table: str, key: str) -> Record:
        """This view's own copy of a record, to be changed in place."""
        own = self._own[table]
        if key not in own:
            own[key] = clone(self._base[table][key])
        return own[key]

    def put(self, table: str, key: str, record: Record) -> None:
        """Add or replace a record."""
        self._own[table][key] = record

    def records(self, table: str) -> Iterator[tuple[str, Record]]:
        """All records of a table with their keys, to be read only, in the order of the database, new ones last."""
        own, base = self._own[table], self._base[table]
        for key, record in base.items():
            yield key, own.get(key, record)
        for key, record in own.items():
            if key not in base:
                yield key, record

    def changes(self) -> Changes:
        """A copy of the records that this view owns."""
        return {table: clone(own) for table, own in self._own.items() if own}


def clone(value: Any) -> Any:
    """A deep copy of JSON values; several times faster than `copy.deepcopy`, which looks for cycles."""
    if isinstance(value, dict):
        return {key: clone(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clone(item) for item in value]
    return value
