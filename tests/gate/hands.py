"""A clock for the gate that goes only when a test says so."""

import anyio
import anyio.lowlevel


class Hands:
    """A clock whose hands a test moves."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await anyio.lowlevel.checkpoint()
