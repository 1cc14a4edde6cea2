"""Transactional messages: what they are and what they say."""

from collections.abc import Iterable
from typing import Annotated

from cio_mcp.customerio.api.base import LIST_SECONDS, Content, Listed, Model, Moment, Reads, by_id_or_name
from cio_mcp.customerio.call import read
from cio_mcp.errors import NotFound
from cio_mcp.text import liquid


class TransactionalMessage(Model):
    """A transactional message and the settings a send inherits."""

    id: str
    name: str = ""
    trigger_name: str | None = None
    description: str | None = None
    send_to_unsubscribed: bool | None = None
    link_tracking: bool | None = None
    open_tracking: bool | None = None
    hide_message_body: bool | None = None
    queue_drafts: bool | None = None
    created_at: Moment = None
    updated_at: Moment = None


class _Messages(Model):
    messages: Annotated[tuple[TransactionalMessage, ...], Listed] = ()


class _Message(Model):
    message: TransactionalMessage


class _Contents(Model):
    contents: Annotated[tuple[Content, ...], Listed] = ()


class Transactional(Reads):
    """Reads of `/v1/transactional`."""

    async def all(self) -> list[TransactionalMessage]:
        """All transactional messages of the workspace, in Customer.io's order."""
        answer = await self._reader.read(read("/v1/transactional"), cache=LIST_SECONDS)
        return list(_Messages.of(answer).messages)

    async def get(self, transactional_id: str) -> TransactionalMessage:
        """One transactional message by its id.

        Raises:
            NotFound: there is none.
        """
        call = read("/v1/transactional/{transactional_id}", transactional_id=transactional_id)
        return _Message.of(await self._reader.read(call)).message

    async def find(self, wanted: str, *, field: str = "id") -> TransactionalMessage:
        """One transactional message by id (digits), exact name, or trigger name in any case.

        Raises:
            NotFound: there is none.
            Ambiguous: several have the name.
        """
        try:
            return await by_id_or_name(wanted, self.get, self.all, field=field, kind="transactional message")
        except NotFound:
            key = wanted.strip().casefold()
            triggered = [each for each in await self.all() if (each.trigger_name or "").casefold() == key]
            if len(triggered) == 1:
                return triggered[0]
            raise

    async def contents(self, transactional_id: str) -> list[Content]:
        """What it says, in each of its languages."""
        call = read("/v1/transactional/{transactional_id}/contents", transactional_id=transactional_id)
        return list(_Contents.of(await self._reader.read(call)).contents)


def variables(contents: Iterable[Content]) -> set[str]:
    """The Liquid variables that any of the contents uses, as dotted paths."""
    return {path for content in contents for text in _texts(content) for path in liquid.variables(text)}


def _texts(content: Content) -> Iterable[str]:
    head = (content.subject, content.preheader_text, content.from_, content.reply_to, content.recipient)
    return filter(None, (*head, content.body, content.body_plain, content.body_amp))
