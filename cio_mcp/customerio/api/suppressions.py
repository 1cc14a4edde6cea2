"""Addresses that the email provider suppresses."""

from typing import Annotated

from cio_mcp.customerio.api.base import Blank, Listed, Model, Moment
from cio_mcp.customerio.api.reads import Reads
from cio_mcp.customerio.call import read


class Suppression(Model):
    """One entry of the email provider's suppression lists; `reason` is the provider's own text."""

    email: Annotated[str | None, Blank] = None
    created: Moment = None
    reason: Annotated[str | None, Blank] = None
    status: Annotated[str | None, Blank] = None


class AddressSuppressions(Model):
    """The entries of one address and the list they are on; none where the provider does not suppress it."""

    category: Annotated[str | None, Blank] = None
    suppressions: Annotated[tuple[Suppression, ...], Listed] = ()


class Suppressions(Reads):
    """Reads of `/v1/esp`."""

    async def of(self, email: str) -> AddressSuppressions:
        """Find whether, and why, the email provider suppresses an address."""
        return AddressSuppressions.of(await self._reader.read(read("get_email_suppression", email_address=email)))
