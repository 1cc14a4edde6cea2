"""What stands in for Customer.io within this process: an ASGI application for its APIs."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

Message = MutableMapping[str, Any]
AsgiApp = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


class SimulatedApi(Protocol):
    """Customer.io's APIs in this process; the sandbox is one."""

    @property
    def app(self) -> AsgiApp:
        """The application."""

    @property
    def drops(self) -> tuple[type[Exception], ...]:
        """What the application raises where a network's connection would break."""
