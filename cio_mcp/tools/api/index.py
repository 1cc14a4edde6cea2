"""A search index over the table of operations."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache

from cio_mcp.customerio.operations import OPERATIONS, Operation
from cio_mcp.customerio.operations.row import parse_fields
from cio_mcp.text.bm25 import Index
from cio_mcp.text.spelling import closest_names

MAX_QUERY_WORDS = 40
"""Words of a query that are looked for. Chosen: a sentence has half as many."""
ID_WEIGHT, SUMMARY_WEIGHT = 3, 2
"""How often the words of an id and a summary count beside those of fields. Chosen."""

_WORD = re.compile(r"[a-z0-9]+")
_STOP_WORDS = frozenset({
    "a", "all", "an", "and", "api", "are", "as", "at", "be", "by", "can", "do", "does", "for", "from", "get", "given",
    "has", "have", "her", "his", "how", "i", "in", "into", "is", "it", "its", "list", "me", "my", "new", "of", "on",
    "one", "or", "our", "show", "that", "the", "their", "them", "they", "this", "to", "us", "want", "we", "what",
    "when", "which", "who", "whose", "with", "you", "your",
})  # fmt: skip
SYNONYMS: Mapping[str, str] = {
    "person": "customer", "people": "customer", "user": "customer", "profile": "customer", "contact": "customer",
    "subscriber": "customer", "recipient": "customer", "subscription": "topic", "preference": "topic",
    "block": "suppress", "blocklist": "suppress", "bounce": "suppress", "gdpr": "suppress", "erase": "delete",
    "remove": "delete", "destroy": "delete", "drop": "delete", "add": "create", "make": "create", "change": "update",
    "edit": "update", "replace": "update", "modify": "update", "rename": "update", "set": "update", "stat": "metric",
    "performance": "metric", "statistic": "metric", "click": "link", "url": "link", "template": "content",
    "mail": "email", "text": "sms", "notification": "push", "image": "asset", "picture": "asset", "file": "asset",
    "upload": "create", "account": "object", "company": "object", "unsubscribe": "optout",
    "opt": "optout", "track": "event", "record": "event", "group": "object", "translate": "language",
    "translation": "language", "download": "export", "csv": "import", "delivery": "message",
    "ip": "address", "many": "count", "number": "count", "size": "count", "cdp": "pipeline", "companie": "object",
}  # fmt: skip
"""Words that people say for one that the table uses; both count."""
_MIN_STEM = 3


@cache
def index() -> Index:
    """The index of the table, built once."""
    return Index.of({row.id: Counter(_row_words(row)) for row in OPERATIONS.values()})


def search(query: str) -> list[Operation]:
    """The operations that a query may mean, the best first; one of exactly this id comes before all."""
    scores = index().scores(_query_words(query))
    exact = query.strip().casefold()
    ranked = sorted(scores, key=lambda id_: (id_ != exact, -scores[id_], id_))
    return [OPERATIONS[id_] for id_ in ranked]


def close_ids(operation: str) -> list[str]:
    """The ids that a wrong one may mean: those that look alike, else those of a search for its words."""
    return closest_names(operation, OPERATIONS) or [row.id for row in search(operation)[:3]]


def _row_words(row: Operation) -> Iterable[str]:
    yield from _stems(row.id) * ID_WEIGHT
    yield from _stems(row.summary) * SUMMARY_WEIGHT
    yield from _stems(row.domain)
    names = (*row.path_parameters, *(field.name for field in (*parse_fields(row.query), *row.body_fields)))
    yield from {stem for name in names for stem in _stems(name)}


def _query_words(query: str) -> list[str]:
    stems = _stems(query)[:MAX_QUERY_WORDS]
    return list(dict.fromkeys([*stems, *(_stem(SYNONYMS[stem]) for stem in stems if stem in SYNONYMS)]))


def _stems(text: str) -> list[str]:
    return [_stem(word) for word in _WORD.findall(text.casefold()) if word not in _STOP_WORDS]


def _stem(word: str) -> str:
    """A word without the endings of English that tell no operations apart."""
    for ending, short in (("ies", "y"), ("sses", "ss"), ("ions", ""), ("ion", ""), ("ing", ""), ("ed", ""), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= _MIN_STEM and not (ending == "s" and word[-2] == "s"):
            return word[: -len(ending)] + short
    return word
