"""Where else a name occurs that a list of one kind doesn't have."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from cio_mcp.tools.common.arguments import Kind
from cio_mcp.tools.common.gather import Read, or_none, together
from cio_mcp.tools.common.lookup import KIND_NAMES, Source, reads_of
from cio_mcp.workspace import CallContext


def matching(sources: Sequence[Source], fragment: str) -> list[Source]:
    """The sources whose name contains a fragment, regardless of case."""
    part = fragment.strip().casefold()
    return [source for source in sources if part in source.name.casefold()]


async def matches_elsewhere(ws: CallContext, kind: Kind, fragment: str, in_other_states: int) -> str:
    """Sentences on the other kinds that a fragment of a name matches, and on `kind` in other states."""
    others: Mapping[str, Read] = {
        other: partial(or_none, reads_of(ws, other).all) for other in KIND_NAMES if other != kind
    }
    return " ".join(_sentences(kind, await together(others), fragment, in_other_states))


def _sentences(
    kind: Kind, read: Mapping[str, Sequence[Source] | None], fragment: str, in_other_states: int
) -> Iterator[str]:
    found = [f"{_count(in_other_states, kind)} in another state"] if in_other_states else []
    unread, without = [], []
    for other, name in KIND_NAMES.items():
        if other == kind:
            continue
        sources = read[other]
        if sources is None:
            unread.append(f"{name}s")
        elif count := len(matching(sources, fragment)):
            found.append(f"{_count(count, other)} (kind={other})")
        else:
            without.append(name)
    if found:
        yield f"Matches by name: {', '.join(found)}."
    elif not unread:
        yield f"No {', '.join(without[:-1])}, or {without[-1]} matches by name either."
    if unread:
        yield f"Not searched, because they could not be read: {', '.join(unread)}."


def _count(count: int, kind: Kind) -> str:
    return f"{count:,} {KIND_NAMES[kind]}{'' if count == 1 else 's'}"
