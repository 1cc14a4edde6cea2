"""The command line: the options of each command. Each command is implemented in a module of its own."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cio_mcp import __version__
from cio_mcp.cli import job_commands, lazy
from cio_mcp.errors import InvalidArgument, first_of
from cio_mcp.exports.formats import Format
from cio_mcp.storage.rows import ChangeState

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8000


app = typer.Typer(
    name="cio-mcp",
    help="An assistant operates a Customer.io workspace; a person approves every write.",
    epilog="Settings come from the environment (CIO_…); the README lists them.",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
approvals = typer.Typer(help="Approve or deny proposed changes, in a terminal.")
app.add_typer(approvals, name="approvals")
webhooks = typer.Typer(help="Receive events from Customer.io.", no_args_is_help=True)
app.add_typer(webhooks, name="webhooks")
app.add_typer(job_commands.jobs, name="jobs")
export = typer.Typer(help="Export metrics or events into files that grow with each run.", no_args_is_help=True)
app.add_typer(export, name="export")


class Transport(StrEnum):
    """How clients reach the server."""

    stdio = "stdio"
    http = "http"


class SourceKind(StrEnum):
    """What sends messages."""

    campaign = "campaign"
    broadcast = "broadcast"
    newsletter = "newsletter"
    transactional = "transactional"


ToOption = Annotated[
    Path, typer.Option(help="File to write, or the directory for it. What this command didn't write is never replaced.")
]
FormatOption = Annotated[
    Format | None,
    typer.Option(
        "--format",
        help="Default: by the file's ending, or csv. parquet and duckdb need pip install 'cio-mcp[data]'.",
        show_default=False,
    ),
]
TransportOption = Annotated[
    Transport, typer.Option(help="stdio for a client that starts the server; http for several clients.")
]
HostOption = Annotated[
    str | None, typer.Option(help="Address to listen on (http); loopback only. Default: 127.0.0.1.", show_default=False)
]
PortOption = Annotated[
    int | None, typer.Option(help="Port to listen on (http). Default: 8000.", min=0, max=65535, show_default=False)
]
SandboxOption = Annotated[bool, typer.Option("--sandbox", help="Serve a simulated workspace; needs no account.")]
ReadOnlyOption = Annotated[bool, typer.Option("--read-only", help="Offer only read tools (CIO_READ_ONLY).")]
ToolsetsOption = Annotated[str | None, typer.Option(help="Toolsets to offer, comma-separated, or all (CIO_TOOLSETS).")]
ChangeArgument = Annotated[str, typer.Argument(help="The change's ID.", metavar="ID")]
CallsOption = Annotated[bool, typer.Option("--calls", help="Show full requests.")]
FoldOption = Annotated[bool, typer.Option("--calls/--no-calls", help="Show full requests, or a line for each.")]
WorkspaceOption = Annotated[str | None, typer.Option(help="Only this workspace. Default: all in the database.")]


def run() -> None:
    """Parse the command line and run the command; a mistake ends it with one line on stderr.

    Raises:
        CioError: the command failed.
    """
    failure: Exception | None = None
    status = 0
    try:
        status = app(prog_name="cio-mcp", standalone_mode=False) or 0
    except* (typer.TyperException, typer.Abort) as failures:
        failure = first_of(failures)
    if failure is not None:
        raise SystemExit(_report(failure))
    raise SystemExit(status)


def _report(failure: Exception) -> int:
    """Print a failure in one line; the exit status for it."""
    problem, status = "Aborted.", 1
    if isinstance(failure, typer.TyperException):
        problem, status = failure.format_message().replace("Value error, ", ""), failure.exit_code
        if problem.startswith("No such command") and "?" not in problem:
            problem += " `cio-mcp --help` lists all commands."
    # Only the help that stands for a missing command has several lines.
    typer.echo(problem if "\n" in problem else f"cio-mcp: {problem}", err=True)
    return status


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"cio-mcp {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def by_default(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool, typer.Option("--version", "-V", help="Show the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Without a command, serve over stdio."""
    if context.invoked_subcommand is None:
        serve()


@app.command()
def serve(
    transport: TransportOption = Transport.stdio,
    host: HostOption = None,
    port: PortOption = None,
    sandbox: SandboxOption = False,
    read_only: ReadOnlyOption = False,
    toolsets: ToolsetsOption = None,
) -> None:
    """Serve MCP clients; the default command."""
    overrides = {"read_only": read_only or None, "toolsets": toolsets}
    if transport is Transport.http:
        lazy.serve.serve_http(
            DEFAULT_HOST if host is None else host, DEFAULT_PORT if port is None else port, sandbox=sandbox, **overrides
        )
        return
    for option, value in (("--host", host), ("--port", port)):
        if value is not None:
            raise InvalidArgument(option, "has no effect over stdio; add --transport http, or omit it.")
    lazy.serve.serve_stdio(sandbox=sandbox, **overrides)


@app.command()
def demo() -> None:
    """Take a guided tour of a simulated workspace."""
    raise typer.Exit(lazy.demo.demo())


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 picks a free one.")] = 8900,
    people: Annotated[int, typer.Option(min=0, help="People generated in addition to the fixtures.")] = 5000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same workspace.")] = 7,
    jitter: Annotated[float, typer.Option(min=0, help="Maximum delay of a request, in seconds.")] = 0.0,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    webhook_url: Annotated[str, typer.Option(help="URL to post signed reporting webhooks to.")] = "",
    *,
    tls: Annotated[bool, typer.Option("--tls", help="Serve https with a temporary certificate.")] = False,
) -> None:
    """Serve a simulated Customer.io workspace."""
    lazy.sandbox.serve_sandbox(
        host=host, port=port, people=people, seed=seed, jitter=jitter, tls=tls, webhook_url=webhook_url
    )


@app.command()
def tools(
    as_json: Annotated[bool, typer.Option("--json", help="Print the full definitions as JSON.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the reference page of the documentation, without its examples.")
    ] = False,
) -> None:
    """List all tools."""
    if as_json:
        typer.echo(lazy.tools_reference.tools_as_json())
    elif markdown:
        typer.echo(lazy.tools_reference.tools_as_markdown())
    else:
        typer.echo(lazy.tools.tools_as_text())


@app.command()
def policy(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    transport: TransportOption = Transport.stdio,
) -> None:
    """Show which tools need approval, and why."""
    typer.echo(
        (lazy.policy.policy_as_json if as_json else lazy.policy.policy_as_text)(over_http=transport is Transport.http)
    )


@app.command()
def changes(
    change: Annotated[str | None, typer.Argument(help="The change to show in full.", metavar="ID")] = None,
    state: Annotated[ChangeState | None, typer.Option(help="Only changes in this state.")] = None,
    limit: Annotated[int, typer.Option(help="How many changes to show, newest first.", min=1, max=1000)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    calls: CallsOption = False,
) -> None:
    """List changes and their outcomes, or show one."""
    if change is None:
        lazy.changes.list_changes(state=state, limit=limit, as_json=as_json)
    else:
        lazy.changes.show_change(change, as_json=as_json, calls=calls)


@app.command()
def sync(
    name: Annotated[
        str, typer.Argument(help="The sync's name in the file. Without it, lists the names.", metavar="NAME")
    ] = "",
    file: Annotated[Path | None, typer.Option(help="TOML file with syncs (CIO_SYNC_FILE).", show_default=False)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and change nothing.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Send unchanged rows, too.")] = False,
    wait: Annotated[float, typer.Option(help="Minutes to wait for an approval.", min=0, max=60)] = 0,
) -> None:
    """Run a sync into Customer.io, or from a segment, once."""
    options = lazy.sync_end.Options(dry_run=dry_run, everything=everything, wait=60 * wait)
    raise typer.Exit(lazy.sync.sync(name, file, options))


@app.command()
def forget(
    person: Annotated[
        str, typer.Argument(help="The person's ID, email address, phone number, or cio_….", metavar="PERSON")
    ],
) -> None:
    """Erase a person from the journal, events, and jobs."""
    lazy.forget.forget(person)


@app.command()
def pause(
    because: Annotated[str | None, typer.Option(help="Reason, shown wherever writes are refused.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Stop all writes; reads continue."""
    lazy.pause.pause(workspace, because)


@app.command()
def resume(workspace: WorkspaceOption = None) -> None:
    """Resume writes after a pause."""
    lazy.pause.resume(workspace)


@approvals.callback(invoke_without_command=True)
def window(context: typer.Context) -> None:
    """Approve or deny proposed changes, in a terminal; without a command, in a window."""
    if context.invoked_subcommand is None:
        lazy.approvals.window()


@approvals.command("list")
def list_waiting(
    limit: Annotated[int, typer.Option(help="How many changes to show.", min=1, max=500)] = 20,
) -> None:
    """List pending changes, newest first."""
    lazy.approvals.list_waiting(limit=limit)


@approvals.command()
def show(change: ChangeArgument, calls: FoldOption = True) -> None:
    """Show a change in full, with its requests."""
    lazy.approvals.show(change, calls=calls)


@approvals.command()
def approve(change: ChangeArgument, calls: FoldOption = True) -> None:
    """Approve a change, after reading it in a terminal."""
    lazy.approvals.approve(change, calls=calls)


@approvals.command()
def deny(change: ChangeArgument) -> None:
    """Deny a change."""
    lazy.approvals.deny(change)


@webhooks.command("serve")
def receive(
    host: Annotated[
        str, typer.Option(help="Address to listen on; beyond loopback it needs a signing key.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8001,
) -> None:
    """Receive webhooks for a server over stdio."""
    lazy.webhooks.serve(host, port)


@webhooks.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; times are Unix seconds.")] = False,
) -> None:
    """Show the last event, delays, gaps, and refusals."""
    lazy.webhooks.status(as_json=as_json)


@webhooks.command()
def register(
    url: Annotated[str, typer.Option(help="Where Customer.io reaches the receiver: https://…/webhooks/customerio.")],
    calls: FoldOption = True,
) -> None:
    """Create or update the webhook after confirmation."""
    lazy.webhooks_register.register(url, calls=calls)


@export.command("metrics")
def export_metrics(
    to: ToOption,
    format_: FormatOption = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="First day to read, such as 2026-01-31. Default: as before, or a year ago.", show_default=False
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Day after the last one to read. Default: up to now.", show_default=False)
    ] = None,
    kind: Annotated[
        list[SourceKind] | None,
        typer.Option(help="Read only this kind; can be repeated.", metavar="|".join(SourceKind), show_default=False),
    ] = None,
    sandbox: Annotated[bool, typer.Option("--sandbox", help="Export a simulated workspace.")] = False,
) -> None:
    """Export metrics by day and step of all campaigns, broadcasts, newsletters, and transactional messages.

    The next run with the same file reads again only the last 45 days, since opens and conversions come late. An
    interrupted run continues where it was. Needs an App API key. Exit status: 0 complete, 1 written, but something
    couldn't be read, 2 not written, 130 interrupted.
    """
    kinds = [each.value for each in kind or SourceKind]
    raise typer.Exit(lazy.export.export_metrics(to, format_, kinds=kinds, since=since, until=until, sandbox=sandbox))


@export.command("events")
def export_events(to: ToOption, format_: FormatOption = None) -> None:
    """Export the received events (from reporting webhooks), including personal data such as email addresses.

    The file is created so that only you can read it. The next run appends what came since; if you moved the file away,
    it begins a new one. `cio-mcp forget` does not reach exported files. Exit status: 0 complete, 2 not written, 130
    interrupted.
    """
    raise typer.Exit(lazy.export.export_events(to, format_))
