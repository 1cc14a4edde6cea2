"""Suppressions of the email provider: addresses that no email is sent to, whatever their profile says."""

from typing import Annotated, Literal

from cio_mcp.customerio.api.base import Blank, Model, Moment, NextToken, Subject
from cio_mcp.customerio.api.reads import Reads
from cio_mcp.customerio.call import Call, read

SuppressionType = Literal["bounces", "spam_reports"]
"""Why an address is suppressed: https://docs.customer.io/integrations/api/app/ (ESP suppression)."""
CATEGORIES: dict[str, SuppressionType] = {"bounces": "bounces", "spam": "spam_reports", "spam_reports": "spam_reports"}
"""The types by the category that an answer names."""


class Suppression(Model):
    """One entry of the email provider's suppression lists; `reason` is the provider's own text."""

    email: Annotated[str | None, Blank] = None
    created: Moment = None
    reason: Annotated[str | None, Blank] = None
    status: Annotated[str | None, Blank] = None


class AddressSuppressions(Model):
    """The entries of one address and the list they are on; none where the provider does not suppress it."""

    category: Annotated[str | None, Blank] = None
    suppressions: Annotated[tuple[Suppression, ...], Subject]

    @property
    def type(self) -> SuppressionType | None:
        """The type of the category."""
        return CATEGORIES.get(self.category or "")


class SuppressionPage(AddressSuppressions):
    """Suppressed addresses of one category; `next` is the token of the next page, where the list has one."""

    next: NextToken = None


class Suppressions(Reads):
    """Reads of `/v1/esp`."""

    async def of(self, email: str) -> AddressSuppressions:
        """Find whether, and why, the email provider suppresses an address."""
        return AddressSuppressions.of(await self._reader.read(read("get_email_suppression", email_address=email)))

    async def all(self, type_: SuppressionType, *, limit: int, offset: int) -> SuppressionPage:
        """The suppressed addresses of a type."""
        query = {"limit": limit, "offset": offset}
        return SuppressionPage.of(
            await self._reader.read(read("list_email_suppressions", query=query, suppression_type=type_))
        )

    async def of_domain(
        self, domain: str, type_: SuppressionType, *, limit: int, start: str | None = None
    ) -> SuppressionPage:
        """The suppressed addresses of a sending domain and type."""
        call = read(
            "list_domain_suppressions",
            query={"limit": limit, "start": start},
            domain_name=domain,
            suppression_type=type_,
        )
        return SuppressionPage.of(await self._reader.read(call))


def suppress(email: str, type_: SuppressionType) -> Call:
    """Add an address to the suppressions of a type."""
    return Call(operation="suppress_email", path={"suppression_type": type_, "email_address": email})


def unsuppress(email: str, type_: SuppressionType) -> Call:
    """Remove an address from the suppressions of a type."""
    return Call(operation="unsuppress_email", path={"suppression_type": type_, "email_address": email})
