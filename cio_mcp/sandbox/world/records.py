"""Resources that nothing else in the workspace models: what was written is what is read."""

import random
from typing import Any
from uuid import UUID

Record = dict[str, Any]


class Records:
    """Records by collection and key, in the order of their creation; a collection is a path without parameters."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"{seed}:records")
        self._collections: dict[str, dict[str, Record]] = {}
        self._last_number = 0

    def of(self, collection: str) -> list[Record]:
        """All records of a collection."""
        return list(self._collections.get(collection, {}).values())

    def get(self, collection: str, key: str) -> Record | None:
        """One record, None when there is none with this key."""
        return self._collections.get(collection, {}).get(key)

    def put(self, collection: str, key: str, record: Record) -> Record:
        """Add or replace a record."""
        self._collections.setdefault(collection, {})[key] = record
        return record

    def remove(self, collection: str, key: str) -> None:
        """Remove a record, and everything that is kept under it."""
        self._collections.get(collection, {}).pop(key, None)
        inside = f"{collection}/{key}/"
        for name in [name for name in self._collections if name.startswith(inside)]:
            del self._collections[name]

    def new_number(self) -> int:
        """An ID that no other record has."""
        self._last_number += 1
        return self._last_number

    def new_uuid(self) -> str:
        """A random UUID from the seed."""
        return str(UUID(bytes=self._rng.randbytes(16), version=4))
