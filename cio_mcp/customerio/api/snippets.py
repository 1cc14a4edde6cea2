"""Snippets: pieces of content that messages share by name."""

from cio_mcp.customerio.api.base import Model, Moment
from cio_mcp.customerio.api.reads import Reads
from cio_mcp.customerio.call import Call, read


class Snippet(Model):
    """A snippet; messages contain it as `{{snippets.name}}`."""

    name: str
    value: str = ""
    updated_at: Moment = None


class Snippets(Reads):
    """Reads of `/v1/snippets`."""

    async def all(self) -> list[Snippet]:
        """Every snippet of the workspace, with its text."""
        return await self._list(Snippet, "snippets", read("list_snippets"))


def put(name: str, value: str) -> Call:
    """Create a snippet, or replace the text of the one with this name."""
    return Call(operation="update_snippet", body={"name": name, "value": value})


def delete(name: str) -> Call:
    """Delete a snippet; Customer.io refuses it while the snippet is in use."""
    return Call(operation="delete_snippet", path={"snippet_name": name})
