"""`cio-mcp pause` and `resume`: stop all writes, in every process at once, and resume them."""

from cio_mcp.cli.approvals_live import pause_note
from cio_mcp.cli.common import MAX_SUMMARY_CHARACTERS, console, settings, with_database
from cio_mcp.clock import SYSTEM_CLOCK
from cio_mcp.errors import Refused
from cio_mcp.storage.engine import Database
from cio_mcp.storage.pauses import EVERY_WORKSPACE, Pause, Pauses
from cio_mcp.text.sanitize import clean


def pause(workspace: str | None, because: str | None) -> None:
    """Stop all writes of a workspace, or of every one in the database (`workspace` None)."""
    by, reason = settings().local_principal, clean(because, MAX_SUMMARY_CHARACTERS) if because else None

    async def stop(database: Database) -> tuple[bool, Pause | None]:
        pauses = Pauses(database, workspace or EVERY_WORKSPACE)
        return await pauses.pause(by=by, now=SYSTEM_CLOCK.now(), reason=reason), await pauses.in_force()

    is_new, in_force = with_database(stop)
    if in_force and not is_new:
        kept = " The new reason is not recorded. To change it, resume and pause again." if reason else ""
        console().print(f"Already paused.{kept}", soft_wrap=True)
    if in_force:
        console().print(
            f"{pause_note(in_force)}. Nothing is sent until `cio-mcp resume`. Reads continue.", soft_wrap=True
        )


def resume(workspace: str | None) -> None:
    """Resume writes; each still needs its own approval.

    Raises:
        Refused: every workspace is stopped, and only one was to go on.
    """

    async def go_on(database: Database) -> tuple[bool, Pause | None]:
        pauses = Pauses(database, workspace or EVERY_WORKSPACE)
        return await pauses.resume(), await pauses.in_force()

    resumed, still = with_database(go_on)
    if still:
        raise Refused(
            f"{pause_note(still)}. This applies to every workspace. "
            "To end it, run `cio-mcp resume` without --workspace."
        )
    console().print("Writes resumed. Each one still needs its approval." if resumed else "Writes were not paused.")
