"""What a template refers to: variables, snippets, links, and the way to unsubscribe."""

import re
from collections.abc import Iterable
from html import unescape
from urllib.parse import urlsplit

from cio_mcp.text.liquid import variables
from cio_mcp.text.liquid_environment import FILLED_IN

SCOPES = FILLED_IN | {"customer", "event", "trigger", "data", "forloop", "tablerowloop", "now", "today"}
"""What a variable may begin with besides the name of a collection."""
MAX_URL_CHARACTERS = 2_000
"""Of a link that is looked at. Chosen: the longest that browsers agree on."""

_SNIPPET = re.compile(r"""\bsnippets(?:\.([\w-]+)|\[\s*(?:"([^"]+)"|'([^']+)')\s*\])""")
_TARGET = rf"""(?:"([^"]{{1,{MAX_URL_CHARACTERS}}})"|'([^']{{1,{MAX_URL_CHARACTERS}}})')"""
_HREF = re.compile(rf"\bhref\s*=\s*{_TARGET}", re.IGNORECASE)
_URL = re.compile(rf"""https?://[^\s"'<>\\]{{1,{MAX_URL_CHARACTERS}}}""", re.IGNORECASE)
_MARKUP = re.compile(r"\{\{.{0,500}?\}\}|\{%.{0,500}?%\}", re.DOTALL)
_UNSUBSCRIBE = re.compile(
    r"\{%-?\s*(?:unsubscribe|unsubscribe_url|manage_subscription_preferences|manage_subscription_preferences_url)\s*-?%\}"
    r"|\bunsubscribe_url\b|\bmanage_subscription_preferences_url\b"
)


def variables_in(templates: Iterable[str]) -> frozenset[str]:
    """The variables that templates read, as dotted paths; one that does not parse has none."""
    return frozenset().union(*(paths for template in templates if (paths := variables(template))))


def snippets_in(template: str) -> frozenset[str]:
    """The names of the snippets that a template contains, whether or not it parses."""
    return frozenset(next(filter(None, match)) for match in _SNIPPET.findall(template))


def names_collection(template: str, name: str) -> bool:
    """Whether a tag or output of a template names a collection; a variable with this name counts too."""
    word = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
    return name in template and any(word.search(markup[0]) for markup in _MARKUP.finditer(template))


def links_in(template: str) -> tuple[str, ...]:
    """The targets of links in order, each once; a text without HTML has those that it spells out."""
    targets = [unescape(first or second) for first, second in _HREF.findall(template)]
    return tuple(dict.fromkeys([*targets, *map(unescape, _URL.findall(template))]))


def hosts_in(template: str) -> frozenset[str]:
    """The hosts to which a template links or from which it loads images."""
    return frozenset(host for url in _URL.findall(template) if (host := _host(unescape(url))))


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def can_unsubscribe(template: str) -> bool:
    """Whether a template has one of Customer.io's links to unsubscribe or to manage subscriptions."""
    return _UNSUBSCRIBE.search(template) is not None
