"""The options of `cio-mcp jobs` and its commands."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cio_mcp.cli import lazy


class JobsGroup(TyperGroup):
    """Commands about jobs, where an ID in place of a command shows that job."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command before an ID."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["show", *args]
        return super().parse_args(ctx, args)


jobs = typer.Typer(cls=JobsGroup, help="List jobs, such as imports; follow or stop one.")
JobArgument = Annotated[str, typer.Argument(help="The job's ID.", metavar="ID")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@jobs.callback(invoke_without_command=True)
def list_jobs(
    context: typer.Context,
    limit: Annotated[int, typer.Option(help="How many jobs to show, newest first.", min=1, max=1000)] = 20,
    as_json: JsonOption = False,
) -> None:
    """List jobs, such as imports, newest first; follow or stop one."""
    if context.invoked_subcommand is None:
        lazy.jobs.list_jobs(limit=limit, as_json=as_json)


@jobs.command("show")
def show_job(job: JobArgument, as_json: JsonOption = False) -> None:
    """Show a job, live while it runs; `cio-mcp jobs ID` does the same. Ctrl-C ends watching, not the job."""
    raise typer.Exit(lazy.jobs.show_job(job, as_json=as_json))


@jobs.command("cancel")
def cancel_job(job: JobArgument) -> None:
    """Stop a job before its next batch; what was done stays."""
    lazy.jobs.cancel_job(job)


@jobs.command("failed")
def write_failed(
    job: JobArgument,
    to: Annotated[Path, typer.Option(help="New file that ends in .csv or .jsonl.", show_default=False)],
) -> None:
    """Write the rows that were not applied to a file.

    They can be corrected there and imported again.

    The file is created so that only you can read it. `cio-mcp forget` does not reach it.
    """
    lazy.jobs.write_failed(job, to)


@jobs.command("rows")
def write_rows(
    job: JobArgument,
    to: Annotated[Path, typer.Option(help="New file that ends in .csv or .jsonl.", show_default=False)],
) -> None:
    """Write the rows that the job has yet to send into a file, to read them before you approve it.

    The file is created so that only you can read it. `cio-mcp forget` does not reach it.
    """
    lazy.jobs.write_rows(job, to)
