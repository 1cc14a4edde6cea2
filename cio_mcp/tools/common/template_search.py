"""Finds the messages that name a snippet or a collection, by reading templates, within a bound that answers state."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import anyio
import anyio.to_thread

from cio_mcp.customerio.api.base import Content
from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.customerio.api.snippets import Snippet
from cio_mcp.errors import CioError
from cio_mcp.text.sanitize import quoted_name, word
from cio_mcp.text.template_parts import names_collection, snippets_in
from cio_mcp.tools.common.arguments import Kind
from cio_mcp.tools.common.gather import together
from cio_mcp.tools.common.lookup import KIND_NAMES, Source
from cio_mcp.tools.common.person_ref import AnswerPart
from cio_mcp.tools.common.source_contents import contents_of, kind_of, may_send, state_of
from cio_mcp.workspace import CallContext

MAX_SOURCES = 40
"""Campaigns and others whose templates are read. Chosen: four seconds of Customer.io's limit."""
MAX_PAGES = 2
"""Requests for the messages of one campaign; Customer.io gives ten a page."""
READ_SECONDS = 6.0
"""How long reading templates may take, so that time is left for a person to answer. Chosen."""
MAX_LISTED = 20
"""Messages that an answer or question lists. Chosen."""

Matches = Callable[[str], bool]
"""Whether a template names what is searched for."""


class Use(AnswerPart):
    """A message that names a snippet or collection; `live` if people may receive it without another change."""

    kind: Kind
    id: str
    name: str
    state: str
    message: str
    live: bool

    def __str__(self) -> str:
        source = f"{KIND_NAMES[self.kind]} {word(self.id)} {quoted_name(self.name)}"
        return f"message {word(self.message)} of {source} ({self.state})"


@dataclass(frozen=True, slots=True)
class Uses:
    """The messages that name something: of `total` sources that may, `read` were read."""

    messages: tuple[Use, ...] = ()
    read: int = 0
    total: int = 0
    snippets: tuple[str, ...] = ()
    """The other snippets that name it."""

    @property
    def complete(self) -> bool:
        """Whether every source was read that may send a message from now on."""
        return self.read == self.total

    @property
    def live(self) -> tuple[Use, ...]:
        """The messages that people may receive without another change."""
        return tuple(use for use in self.messages if use.live)

    @property
    def affected(self) -> int | None:
        """How many people a change reaches: nobody, or an unknown number."""
        return 0 if self.complete and not self.live else None

    @property
    def scope(self) -> str:
        """What was searched, as a sentence."""
        return (
            f"Read the templates of {self.read} of {self.total} campaigns, broadcasts, transactional messages, and "
            "unsent newsletters. Layouts and steps that query a collection aren't visible through the API."
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for a question: the messages, then what was searched."""
        lines = [f"Used by {use}." for use in self.messages[:MAX_LISTED]]
        lines += [f"Used by snippet {quoted_name(name)}." for name in self.snippets[:MAX_LISTED]]
        if more := len(self.messages) - MAX_LISTED:
            lines += [f"{more:,} more messages use it."] if more > 0 else []
        none = "No message that was read uses it."
        return (*(lines or [none]), self.scope)


async def listed_uses(search: Callable[[], Awaitable[Uses]]) -> tuple[tuple[Use, ...] | None, str]:
    """The first messages that a search finds, and a note on the rest; an answer that only lists them can lack them."""
    try:
        uses = await search()
    except CioError as failure:
        return None, f"Which messages use it is unknown: {failure}"
    more = len(uses.messages) - MAX_LISTED
    count = (
        f"{more:,} more messages use it. "
        if more > 0
        else ""
        if uses.messages
        else "No message that was read uses it. "
    )
    return uses.messages[:MAX_LISTED] or None, f"{count}{uses.scope}"


async def snippet_uses(ws: CallContext, name: str, snippets: Sequence[Snippet]) -> Uses:
    """The messages that contain a snippet, directly or within another snippet."""
    names = _with_containing({name}, snippets)
    uses = await _search(ws, lambda template: bool(snippets_in(template) & names))
    return replace(uses, snippets=tuple(sorted(names - {name})))


async def collection_uses(ws: CallContext, name: str, snippets: Sequence[Snippet]) -> Uses:
    """The messages that name a collection, directly or within a snippet; so do some whose variable has its name."""
    within = _with_containing({each.name for each in snippets if names_collection(each.value, name)}, snippets)
    uses = await _search(ws, lambda template: names_collection(template, name) or bool(snippets_in(template) & within))
    return replace(uses, snippets=tuple(sorted(within)))


def _with_containing(names: set[str], snippets: Sequence[Snippet]) -> set[str]:
    """Names of snippets, and of all snippets that contain one of them, at any depth."""
    while more := {each.name for each in snippets if snippets_in(each.value) & names} - names:
        names = names | more
    return names


async def _search(ws: CallContext, matches: Matches) -> Uses:
    sources = await _sources(ws)
    hurried = ws.until(anyio.current_time() + READ_SECONDS)
    reads = {str(number): partial(_contents, hurried, source) for number, source in enumerate(sources[:MAX_SOURCES])}
    read = await together(reads)
    pairs = [(source, read[str(number)]) for number, source in enumerate(sources[:MAX_SOURCES])]
    found = await anyio.to_thread.run_sync(_matching, pairs, matches)
    return Uses(tuple(found), sum(each.whole for _, each in pairs), len(sources))


def _matching(pairs: Sequence[tuple[Source, "Messages"]], matches: Matches) -> list[Use]:
    return [
        _use(source, content)
        for source, messages in pairs
        for content in messages.contents
        if any(map(matches, content.templates))
    ]


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages of a source, and whether they are all."""

    contents: Sequence[Content] = ()
    whole: bool = False


async def _sources(ws: CallContext) -> list[Source]:
    """What may send a message from now on, what is running first."""
    lists = await together(
        {
            "campaign": ws.campaigns.all,
            "broadcast": ws.broadcasts.all,
            "transactional": ws.transactional.all,
            "newsletter": ws.newsletters.page,
        }
    )
    campaigns: list[Campaign] = lists["campaign"]
    unsent = [each for each in lists["newsletter"].newsletters if not each.sent_at]
    running = [each for each in campaigns if each.running]
    others = [each for each in campaigns if not each.running]
    return [*running, *lists["broadcast"], *lists["transactional"], *unsent, *others]


async def _contents(ws: CallContext, source: Source) -> Messages:
    """The messages of a source, as far as they can be read in time."""
    try:
        contents = await contents_of(ws, source, most=MAX_PAGES)
    except CioError:
        return Messages()
    return Messages(contents, not isinstance(source, Campaign) or len(contents) >= len(source.actions))


def _use(source: Source, content: Content) -> Use:
    return Use(
        kind=kind_of(source),
        id=source.id,
        name=source.name,
        state=state_of(source),
        message=content.id,
        live=may_send(source),
    )
