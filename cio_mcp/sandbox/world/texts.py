"""What was edited in messages since the start, and their translations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cio_mcp.sandbox.world.sources import Kind

Key = tuple[Kind, int, int]
"""The kind and ID of a source, and the ID of one of its messages."""


@dataclass(slots=True)
class Translation:
    """A message in another language; `id` is its own where the API lists translations, as of newsletters."""

    language: str
    id: int
    fields: dict[str, Any]


@dataclass(slots=True)
class Texts:
    """The edited fields of messages, by Customer.io's names, and all translations."""

    edits: dict[Key, dict[str, Any]] = field(default_factory=dict)
    translations: dict[Key, list[Translation]] = field(default_factory=dict)

    def edited(self, key: Key) -> Mapping[str, Any]:
        """The edited fields of a message in its default language."""
        return self.edits.get(key, {})

    def translation(self, key: Key, language: str) -> Translation | None:
        """A translation, None where there is none."""
        return next((each for each in self.translations.get(key, ()) if each.language == language), None)


def initial_texts() -> Texts:
    """The German translations of one message of each kind."""
    return Texts(
        translations={
            ("campaign", 1, 101): [
                Translation("de", 101, {"subject": "Willkommen, {{customer.first_name}}!", "body": "<p>Hallo.</p>"})
            ],
            ("broadcast", 10, 1001): [
                Translation("de", 1001, {"subject": "{{data.headline}}", "body": "<p>{{data.text}}</p>"})
            ],
            ("newsletter", 30, 301): [
                Translation("de", 302, {"subject": "Acme im Monat", "body": "<p>Hallo {{customer.first_name}}.</p>"})
            ],
            ("transactional", 2, 21): [
                Translation(
                    "de",
                    22,
                    {
                        "subject": "Bestellung {{data.order_id}} ist unterwegs",
                        "body": "<p>Zur Bestellung {{data.order_id}}: {{data.tracking_url}}</p>",
                    },
                )
            ],
        }
    )
