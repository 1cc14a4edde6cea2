"""The tools for the suppressions of the email provider."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from cio_mcp.customerio.api.suppressions import (
    AddressSuppressions,
    Suppression,
    SuppressionType,
    suppress,
    unsuppress,
)
from cio_mcp.customerio.attribute_checks import one_address
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.plan import Plan
from cio_mcp.gate.proof import AddressSuppressed
from cio_mcp.text.sanitize import quoted, quoted_name, quoted_text, word
from cio_mcp.text.timestamps import moment
from cio_mcp.text.untrusted import Untrusted
from cio_mcp.tools.common.arguments import Cursor, Email, Limit, Name
from cio_mcp.tools.common.pages import PageAnswer, continuation, cut, offset_of, page_of
from cio_mcp.tools.common.person_ref import AnswerPart
from cio_mcp.tools.common.recipients import Recipient
from cio_mcp.workspace import CallContext

Action = Literal["add", "remove"]
SUPPRESSED = "Yes, the email provider suppresses this address."
NOT_SUPPRESSED = "No, the email provider does not suppress this address."
MAX_CUSTOMERS = 5
"""Customers with the address that a question describes. Chosen: more would cost the lane."""
KEPT_APART = "This is the list of the email provider. A customer's own suppression and subscription are not affected."


class SuppressionLine(AnswerPart):
    """A suppressed address, and why the email provider suppresses it."""

    personal = True

    email: str
    type: str | None = None
    since: datetime | None = None
    reason: Untrusted | None = None
    status: str | None = None

    def __str__(self) -> str:
        since = f"since {moment(self.since)}" if self.since else ""
        reason = quoted_text(self.reason) if self.reason else ""
        status = f"status {word(self.status)}" if self.status else ""
        return ", ".join(filter(None, [quoted_name(self.email), self.type or "", since, reason, status]))


class SuppressionsAnswer(PageAnswer):
    """Suppressed addresses; `suppressed` says for one address whether it is among them."""

    suppressions: list[SuppressionLine]
    suppressed: bool | None = None

    def lines(self) -> Iterable[str]:
        """The verdict for one address, then an address on each line."""
        if self.suppressed is not None:
            yield SUPPRESSED if self.suppressed else NOT_SUPPRESSED
        elif not self.suppressions:
            yield "No suppressed addresses."
        yield from (f"- {line}" for line in self.suppressions)
        yield from self.more()


async def list_suppressions(
    ws: CallContext,
    email: Annotated[Email | None, Field(description="Check this address")] = None,
    type: Annotated[SuppressionType, Field(description="List to read")] = "bounces",  # noqa: A002 - Customer.io's word
    domain: Annotated[Name | None, Field(description="Sending domain; default: all")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> SuppressionsAnswer:
    """Check whether the email provider suppresses an address, or list suppressed addresses by type and domain."""
    reads = ws.suppressions
    if email is not None:
        one_address("email", email)
        entries = await reads.of(email)
        listed, more = cut(entries.suppressions, limit, cursor)
        lines = [_line(one, entries) for one in listed]
        return SuppressionsAnswer(suppressions=lines, suppressed=bool(entries.suppressions), **more)
    if domain is not None:
        part = await page_of(partial(reads.of_domain, domain.strip(), type), "suppressions", limit, cursor)
        return SuppressionsAnswer(
            suppressions=[_line(one, part, type) for one in part.suppressions], **continuation(part.next)
        )
    offset = offset_of(cursor)
    page = await reads.all(type, limit=limit, offset=offset)
    # Customer.io counts nothing here, so a full page may have more after it.
    following = str(offset + limit) if len(page.suppressions) >= limit else None
    return SuppressionsAnswer(
        suppressions=[_line(one, page, type) for one in page.suppressions[:limit]], **continuation(following)
    )


async def manage_suppression(
    ws: CallContext,
    email: Annotated[Email, Field(description="Address")],
    action: Action,
    type: Annotated[SuppressionType, Field(description="List to change")] = "bounces",  # noqa: A002 - as above
) -> Plan:
    """Add an address to the email provider's suppressions, or remove it. Requires approval."""
    one_address("email", email)
    return await plan_suppression(ws, email, action, type)


async def plan_suppression(ws: CallContext, email: str, action: Action, type_: SuppressionType) -> Plan:
    """Plan to add or remove an address; no calls where it is so already.

    Raises:
        InvalidArgument: it is to be removed from one list, and is on the other.
    """
    page = await ws.suppressions.of(email)
    current = page.suppressions[0] if page.suppressions else None
    if action == "remove" and current and page.type not in (type_, None):
        raise InvalidArgument("type", f"the address is on the list {page.type}, not {type_}")
    same_list = current is not None and page.type in (type_, None)
    done = same_list if action == "add" else current is None
    adds = action == "add"
    examples = await _customers(ws, email)
    return Plan(
        risk="destroy",
        summary=f"{'Suppress' if adds else 'Stop suppressing'} {quoted(email)} at the email provider ({type_}).",
        notes=(_now(current, page), KEPT_APART),
        why="No email reaches a suppressed address." if adds else "Emails are sent to the address again.",
        affected=max(1, len(examples)),
        examples=examples,
        settled=f"{_now(current, page)} {KEPT_APART}",
        effect_title=f"{'suppress' if adds else 'stop suppressing'} 1 address",
        calls=() if done else ((suppress if adds else unsuppress)(email, type_),),
        rests_on={"suppression": _fact(current, page), "customers": list(examples)},
        proof=AddressSuppressed(email=email, reason=type_, suppressed=adds),
        next_step="To verify, call list_suppressions with this email.",
    )


async def _customers(ws: CallContext, email: str) -> tuple[str, ...]:
    """The customers with an address, a line each; of more than are described, the rest is counted."""
    people = await ws.people.find_by_email(email)
    profiles = await ws.people.profiles(people[:MAX_CUSTOMERS])
    rest = (f"and {len(people) - MAX_CUSTOMERS} more customers",) if len(people) > MAX_CUSTOMERS else ()
    return (*(Recipient.of(person).example for person in profiles), *rest) or ("no customer has this address",)


def _now(current: Suppression | None, page: AddressSuppressions) -> str:
    return f"It is suppressed now: {_line(current, page)}." if current else "It is not suppressed now."


def _fact(current: Suppression | None, page: AddressSuppressions) -> str | None:
    return page.category if current else None


def _line(one: Suppression, page: AddressSuppressions, type_: str | None = None) -> SuppressionLine:
    return SuppressionLine(
        email=one.email or "", type=page.type or type_, since=one.created, reason=one.reason, status=one.status
    )
