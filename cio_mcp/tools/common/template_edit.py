"""What an edit does to templates: whether the new ones parse, and what they newly use, for all plans that edit some."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from cio_mcp.text.liquid_faults import Fault, find_fault
from cio_mcp.text.template_parts import hosts_in, variables_in
from cio_mcp.tools.common.message_preview import listed_names


class LiquidFault(NamedTuple):
    """Why the Liquid of a new template does not parse; `new` where the template before it did, or failed otherwise."""

    fault: Fault
    new: bool


def check_liquid(before: str | None, after: str) -> LiquidFault | None:
    """Find what is wrong with the Liquid of a new template, if anything."""
    if (fault := find_fault(after)) is None:
        return None
    earlier = find_fault(before or "")
    return LiquidFault(fault, new=earlier is None or earlier.problem != fault.problem)


def warn_of_new_uses(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    """Warn of variables that new templates use or no longer use, and of hosts they newly link to.

    Snippets are left out: `missing_snippets` warns of those that do not exist.
    """
    old, new = _variables(before), _variables(after)
    if added := sorted(new - old):
        yield f"It uses variables that it did not use before: {listed_names(added)}."
    if gone := sorted(old - new):
        yield f"It no longer uses these variables: {listed_names(gone)}."
    if hosts := sorted(_hosts(after) - _hosts(before)):
        yield f"It links to, or loads images from, hosts that it did not use before: {listed_names(hosts)}."


def missing_snippets(names: Iterable[str], existing: Collection[str]) -> str | None:
    """A warning about snippets that the workspace lacks; None where it has all of them."""
    missing = sorted(name for name in names if name not in existing)
    return f"No snippet has the name {listed_names(missing)}." if missing else None


def _variables(templates: Sequence[str]) -> frozenset[str]:
    return frozenset(name for name in variables_in(templates) if not name.startswith("snippets."))


def _hosts(templates: Sequence[str]) -> frozenset[str]:
    return frozenset(host for template in templates for host in hosts_in(template))
