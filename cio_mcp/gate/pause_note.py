"""A pause of writes, as people and assistants read it."""

from cio_mcp.storage.pauses import Pause
from cio_mcp.text.sanitize import quoted
from cio_mcp.text.timestamps import from_unix, moment


def pause_note(pause: Pause) -> str:
    """Since when and why writes are paused, without a period."""
    because = f": {quoted(pause.reason)}" if pause.reason else ""
    return f"An operator paused all writes at {moment(from_unix(pause.at))}{because}"


def pause_refusal(pause: Pause | None) -> str:
    """Why a write was refused; None if the pause has ended since."""
    if pause is None:
        return "Writes were paused until just now. Nothing was sent. Try again."
    return f"{pause_note(pause)}. Nothing was sent. Only an operator can resume writes."
