"""`cio-mcp sync`: runs one named sync, once; its exit code says how it ended."""

import hashlib
from pathlib import Path

import anyio
import typer

from cio_mcp.cli.common import check_key
from cio_mcp.cli.progress_bar import Show, progress_bar
from cio_mcp.cli.sync_customers import CustomersDirection
from cio_mcp.cli.sync_end import End, Exit, Options
from cio_mcp.cli.sync_members import write_members
from cio_mcp.cli.sync_run import Run, apply
from cio_mcp.cli.sync_segment import SegmentDirection
from cio_mcp.errors import InvalidArgument, SettingError
from cio_mcp.jobs.sync_file import Customers, ManualSegment, Sync, read_sync
from cio_mcp.settings import Settings, load_settings
from cio_mcp.storage.file_lock import lock_file
from cio_mcp.text.mask import mask_text
from cio_mcp.workspace import open_workspace


def sync(name: str, file: Path | None, options: Options) -> int:
    """Run a sync, print one line about it, and return the exit code.

    Raises:
        CioError: it can't be run, or ended in the middle; the next run converges.
    """
    settings = load_settings()
    chosen = read_sync(settings, name, file)
    _check(settings, chosen, options)
    folder = settings.data_dir / "sync" / f"{_hash(settings.workspace_key)}-{name}"
    with lock_file(folder.with_suffix(".lock")) as is_ours:
        if not is_ours:
            end = End(Exit.BUSY, "another run of this sync has not ended yet. Nothing was done.")
        else:
            with progress_bar("rows") as show:
                end = anyio.run(_run, settings, chosen, folder, options, show)
    shown = mask_text if settings.mask_pii else str
    for line in end.rows:
        typer.echo(shown(line), err=True)
    typer.echo(f"{name}: {shown(end.summary)}")
    return end.code


async def _run(settings: Settings, chosen: Sync, folder: Path, options: Options, show: Show) -> End:
    # A workspace that may write would also carry on with jobs that were approved before.
    reading = settings.model_copy(update={"read_only": True})
    async with open_workspace(reading if options.dry_run else settings) as opened:
        match chosen.target:
            case Customers() as target:
                return await apply(Run(opened, chosen, folder, options, show), CustomersDirection(target))
            case ManualSegment() as target:
                return await apply(Run(opened, chosen, folder, options, show), SegmentDirection(target))
            case _:
                return await write_members(opened, chosen, dry_run=options.dry_run, show=show)


def _check(settings: Settings, chosen: Sync, options: Options) -> None:
    """Refuse what can't work before anything is read.

    Raises:
        SettingError: a key is missing, or nothing may be written.
        InvalidArgument: an option is for another direction.
    """
    needs_app, needs_track = (
        not isinstance(chosen.target, Customers),
        isinstance(chosen.target, Customers | ManualSegment),
    )
    if needs_app:
        check_key("CIO_APP_API_KEY", is_there=settings.has_app)
    if needs_track:
        check_key("CIO_TRACK_API_KEY", is_there=settings.has_track)
    if needs_track and settings.read_only and not options.dry_run:
        raise SettingError("CIO_READ_ONLY", "is set, so nothing can be sent; --dry-run shows what would be")
    if options.everything and not isinstance(chosen.target, Customers):
        raise InvalidArgument("--all", "is for syncs into customers; others compare what is there")


def _hash(workspace: str) -> str:
    return hashlib.sha256(workspace.encode()).hexdigest()[:12]
