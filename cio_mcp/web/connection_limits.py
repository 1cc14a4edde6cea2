"""Limits on connections of the HTTP server: how many, and how long each may keep others waiting.

Anyone who can reach the server can open connections, with or without a key, and then say nothing, or little. The server
underneath waits for them, and when a process may open no more files, nobody gets in. A request in progress may last:
an answer that is a stream of events takes a connection for as long as its client reads.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

if sys.platform != "win32":
    import resource

WAIT_SECONDS = 3.0
"""Seconds until the head of a request must be whole, or an answer be taken. Chosen: as long as a body may take."""
MAX_CONNECTIONS = 512
"""Connections at once. Chosen: half of the 1024 files that a process may open on most systems."""
ACCEPT_DIVISOR = 8
"""Of the most, one in so many is accepted in one turn of the event loop, since one too many stays open for three turns.
Chosen."""


def most_connections() -> int:
    """How many connections there may be: MAX_CONNECTIONS, and half of the files that this process may open."""
    if sys.platform == "win32":
        return MAX_CONNECTIONS
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if files == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, files // 2)


class LimitedProtocol(H11Protocol):
    """HTTP/1.1 for strangers: it closes a connection beyond `most`, and one that lets us wait for `waiting` seconds.

    We wait while no request of a connection is in progress, and while it does not take its answers; between requests
    not before the first byte of the next, for which uvicorn waits (five seconds).
    """

    waiting: ClassVar[float] = WAIT_SECONDS
    most: ClassVar[int] = most_connections()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._call_off: Callable[[], None] | None = None

    def connection_made(self, transport: Any) -> None:
        """Take a connection, if there is room."""
        super().connection_made(transport)
        # Anything that is not taken counts, and pauses.
        transport.set_write_buffer_limits(0)
        if len(self.connections) > self.most:
            transport.abort()
        else:
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Keep nothing of it."""
        super().connection_lost(exc)
        self._rest()

    def data_received(self, data: bytes) -> None:
        """Take what came in; afterwards a request is in progress, or we wait for one."""
        super().data_received(data)
        self._watch()

    def pause_writing(self) -> None:
        """Wait until an answer is taken."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """Go on: all was taken."""
        super().resume_writing()
        self._watch()

    def shutdown(self) -> None:
        """Close the connection if no answer is due: no request is in progress, or one that only listens."""
        super().shutdown()
        # None before the first request, whatever its type says.
        request: Any = self.cycle
        if request is not None and not request.response_complete and _listens(request.scope):
            self.transport.close()

    def _watch(self) -> None:
        # None before the first request, whatever its type says.
        request: Any = self.cycle
        if request is not None and not request.response_complete and not self.flow.write_paused:
            self._rest()
        elif self._call_off is None:
            # Closing would wait until what is left is taken.
            self._call_off = self._call_after_waiting(self.transport.abort)

    def _call_after_waiting(self, action: Callable[[], None]) -> Callable[[], None]:
        """Call `action` in `waiting` seconds; what is returned calls it off. Tests have another clock."""
        return self.loop.call_later(self.waiting, action).cancel

    def _rest(self) -> None:
        if self._call_off is not None:
            self._call_off()
            self._call_off = None


def _listens(scope: Mapping[str, Any]) -> bool:
    """Whether a request to `/mcp` is for a stream of notifications: a GET, or since 2026-07-28 a method of its own."""
    return scope["method"] == "GET" or (b"mcp-method", b"subscriptions/listen") in scope["headers"]
