"""Exports: files of customers or deliveries that Customer.io makes, and the calls that start one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, JsonValue

from cio_mcp.customerio.api.base import Blank, Count, Enumerated, Flag, Model, Moment, is_number
from cio_mcp.customerio.api.reads import Reads
from cio_mcp.customerio.call import Call, read
from cio_mcp.errors import BadAnswer, InvalidArgument, NotFound

LINK_SECONDS = 15 * 60
"""How long a link to a file holds: https://docs.customer.io/integrations/api/app/ (Exports)."""
MAX_MONTHS = 12
"""The longest span of an export of deliveries; of a longer one Customer.io cuts off the beginning (same page)."""
DEFAULT_MONTHS = 6
"""The span without times (same page)."""

ExportKind = Literal["campaign", "newsletter", "transactional"]
"""What sent the deliveries of an export; broadcasts are not among it."""
_FIELDS: dict[ExportKind, str] = {
    "campaign": "campaign_id",
    "newsletter": "newsletter_id",
    "transactional": "transactional_message_id",
}


def _number(value: str) -> str:
    if not is_number(value):
        raise ValueError("expected a number")
    return value


class Export(Model):
    """An export; `total` counts its entries once it is done, and `status` is pending, done, or failed."""

    id: Annotated[str, AfterValidator(_number)]
    type: Enumerated = ""
    status: Enumerated = ""
    failed: Flag = False
    total: Count | None = None
    description: Annotated[str | None, Blank] = None
    created_at: Moment = None

    @property
    def state(self) -> Literal["pending", "done", "failed"]:
        """Where it stands; what is neither done nor failed is not ready."""
        if self.failed or self.status == "failed":
            return "failed"
        return "done" if self.status == "done" else "pending"


class Exports(Reads):
    """Reads of `/v1/exports`."""

    async def all(self) -> list[Export]:
        """All exports of the workspace, in Customer.io's order."""
        return await self._list(Export, "exports", read("list_exports"))

    async def get(self, id_: str) -> Export:
        """Read one export.

        Raises:
            NotFound: there is none of this ID.
        """
        if not is_number(id_):
            raise InvalidArgument("export", "expected the ID of an export, a number")
        try:
            return await self._item(Export, "export", read("get_export", export_id=id_))
        except NotFound:
            raise NotFound("export: no export has this ID. Call get_export without it for the latest.") from None

    async def link(self, id_: str) -> str:
        """Get a new link to the file of an export that is done; it holds for `LINK_SECONDS` and needs no key.

        Raises:
            NotFound: there is no file.
            BadAnswer: there is no link in the answer.
        """
        answer: dict[str, Any] = await self._reader.read(read("download_export", export_id=id_))
        if not isinstance(url := answer.get("url"), str) or not url:
            raise BadAnswer("Customer.io's response is not as documented (url).")
        return url


def of_customers(filters: JsonValue, attributes: Sequence[str] = ()) -> Call:
    """Export the customers that match a filter; the key is `filters` here, and `filter` in a search."""
    return Call(operation="export_customers", body={"filters": filters, **_columns(attributes)})


def of_deliveries(
    kind: ExportKind,
    id_: str,
    *,
    metric: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    attributes: Sequence[str] = (),
) -> Call:
    """Export the deliveries of a campaign, newsletter, or transactional message that were created in a time."""
    body: dict[str, JsonValue] = {_FIELDS[kind]: int(id_)}
    if metric is not None:
        body["metric"] = metric
    if since is not None:
        body["start"] = int(since.timestamp())
    if until is not None:
        body["end"] = int(until.timestamp())
    return Call(operation="export_deliveries", body={**body, **_columns(attributes)})


def _columns(attributes: Sequence[str]) -> dict[str, JsonValue]:
    return {"attributes": [*attributes]} if attributes else {}
