"""Content that messages share: snippets and collections."""

from dataclasses import dataclass, field
from typing import Any

from cio_mcp.sandbox.world.clock import DAY_SECONDS


@dataclass(slots=True)
class Snippet:
    """A piece of text that templates include as `{{snippets.name}}`."""

    name: str
    value: str
    updated: int


@dataclass(slots=True)
class Collection:
    """Rows that a workflow queries; templates read them as `{{journey.name}}`."""

    id: int
    name: str
    rows: list[dict[str, Any]]
    created: int
    updated: int
    url: str = ""


@dataclass(slots=True)
class Library:
    """All snippets by name, and all collections by ID."""

    snippets: dict[str, Snippet] = field(default_factory=dict)
    collections: dict[int, Collection] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, dict[str, Any]]:
        """The variables of a template, by scope."""
        return {
            "snippets": {snippet.name: snippet.value for snippet in self.snippets.values()},
            "journey": {collection.name: collection.rows for collection in self.collections.values()},
        }


def initial_library(now: int) -> Library:
    """The snippet and the collection that the broadcast uses."""
    created = now - 450 * DAY_SECONDS
    footer = Snippet("footer", "Acme Ltd, 1 Market Street, London", created)
    rows = [
        {"id": "spring", "title": "20 % off until Friday", "url": "https://acme.example/offer/spring"},
        {"id": "bundle", "title": "Two for one", "url": "https://acme.example/offer/bundle"},
    ]
    offers = Collection(1, "offers", rows, created, created)
    return Library({footer.name: footer}, {offers.id: offers})
