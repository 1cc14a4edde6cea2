"""A simulated Customer.io workspace: stands alone, in process or over a socket."""

from cio_mcp.sandbox.app import Sandbox
from cio_mcp.sandbox.clock import Clock, StillClock
from cio_mcp.sandbox.faults import Dropped

__all__ = ["Clock", "Dropped", "Sandbox", "StillClock"]
