"""Streams of messages to and from a client."""

from types import TracebackType
from typing import Self


class Stream:
    """A stream that a client or server enters and leaves; it has nothing of its own to close."""

    async def aclose(self) -> None:
        """Close nothing."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
