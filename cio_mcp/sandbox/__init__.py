"""A simulated Customer.io workspace that runs in process or over a socket and needs nothing else of this project."""

from cio_mcp.sandbox.app import Sandbox
from cio_mcp.sandbox.faults import Dropped
from cio_mcp.sandbox.webhooks.poster import PostingOptions
from cio_mcp.sandbox.world.clock import Clock, StillClock

__all__ = ["Clock", "Dropped", "PostingOptions", "Sandbox", "StillClock"]
