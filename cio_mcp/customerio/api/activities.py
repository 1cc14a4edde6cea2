"""Activities: the log of what people did and received."""

from cio_mcp.customerio.api.base import ActivityPage, Reads, Reference
from cio_mcp.customerio.call import read


class Activities(Reads):
    """Reads of `/v1/activities`; a person's own are `People.activities_of`."""

    async def list(
        self,
        reference: Reference | None = None,
        *,
        limit: int,
        start: str | None = None,
        type_: str | None = None,
        name: str | None = None,
        deleted: bool | None = None,
    ) -> ActivityPage:
        """Read a page (at most 100) of the workspace's activities of the last 30 days, newest first.

        `type_` is one of Customer.io's activity types, such as `event` or `sent_email`; `name` an event's name;
        `deleted` asks for people who no longer exist.
        """
        query = {
            "start": start, "limit": limit, "type": type_, "name": name, "deleted": deleted,
            "customer_id": reference and reference.value, "id_type": reference and reference.id_type,
        }  # fmt: skip
        return ActivityPage.of(await self._reader.read(read("/v1/activities", query=query)))
