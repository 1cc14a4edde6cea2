"""The classes of writes; apart from plans, because the start of a server reads a policy but no plan."""

from typing import Literal

Risk = Literal["data", "send", "destroy"]
"""What a write may do: change data, reach a person, or destroy something. When in doubt, `send`."""

RISKS: tuple[Risk, ...] = ("data", "send", "destroy")
"""Every class of write."""
