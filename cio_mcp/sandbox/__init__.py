"""A simulated Customer.io workspace: stands alone, in process or over a socket."""

from cio_mcp.sandbox.app import Sandbox
from cio_mcp.sandbox.faults import Dropped
from cio_mcp.sandbox.webhooks.poster import Sending
from cio_mcp.sandbox.world.clock import Clock, StillClock

__all__ = ["Clock", "Dropped", "Sandbox", "Sending", "StillClock"]
