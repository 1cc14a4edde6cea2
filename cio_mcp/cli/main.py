"""The command line. Each command is imported when it runs, to keep the start of the server fast."""

from enum import StrEnum
from typing import Annotated

import typer

from cio_mcp import __version__
from cio_mcp.cli.sandbox import sandbox
from cio_mcp.errors import CioError, InvalidArgument
from cio_mcp.storage.rows import ChangeState

EXIT_BY_ERROR = 2
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


class Transport(StrEnum):
    """How clients reach the server."""

    stdio = "stdio"
    http = "http"


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
ReadOnlyOption = Annotated[bool, typer.Option("--read-only", help="Offer only tools that read (CIO_READ_ONLY).")]
ToolsetsOption = Annotated[str | None, typer.Option(help="Toolsets to offer, comma-separated (CIO_TOOLSETS).")]
ChangeArgument = Annotated[str, typer.Argument(help="The change's ID.", metavar="ID")]
CallsOption = Annotated[bool, typer.Option("--calls", help="Show full requests.")]
FoldOption = Annotated[bool, typer.Option("--calls/--no-calls", help="Show full requests, or a line for each.")]
WorkspaceOption = Annotated[str | None, typer.Option(help="Only this workspace. Default: all in the database.")]


def run() -> None:
    """Run the command line; a user error ends it with one line on stderr and exit status 2."""
    failure: Exception | None = None
    status = 0
    try:
        status = app(prog_name="cio-mcp", standalone_mode=False) or 0
    except* (CioError, typer.TyperException, typer.Abort) as failures:
        failure = _first(failures)
    if failure is not None:
        raise SystemExit(_reported(failure))
    raise SystemExit(status)


def _reported(failure: Exception) -> int:
    """Print a failure in one line; the exit status for it."""
    match failure:
        case typer.TyperException():
            problem, status = failure.format_message(), failure.exit_code
        case typer.Abort():
            problem, status = "Aborted.", 1
        case _:
            problem, status = str(failure), EXIT_BY_ERROR
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
    from cio_mcp.cli.serve import serve_http, serve_stdio  # noqa: PLC0415 - loads the SDK

    overrides = {"read_only": read_only or None, "toolsets": toolsets}
    if transport is Transport.http:
        serve_http(
            DEFAULT_HOST if host is None else host, DEFAULT_PORT if port is None else port, sandbox=sandbox, **overrides
        )
        return
    for option, value in (("--host", host), ("--port", port)):
        if value is not None:
            raise InvalidArgument(option, "has no effect over stdio; add --transport http, or omit it.")
    serve_stdio(sandbox=sandbox, **overrides)


@app.command()
def demo() -> None:
    """Take a guided tour of a simulated workspace."""
    from cio_mcp.cli.demo import demo as tour  # noqa: PLC0415 - loads the SDK's client

    raise typer.Exit(tour())


app.command()(sandbox)


@app.command()
def tools(
    as_json: Annotated[bool, typer.Option("--json", help="Print the full definitions as JSON.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the reference page of the documentation.")
    ] = False,
) -> None:
    """List all tools."""
    from cio_mcp.cli.tools import tools_as_json, tools_as_markdown, tools_as_text  # noqa: PLC0415 - loads the SDK

    form = tools_as_json if as_json else tools_as_markdown if markdown else tools_as_text
    typer.echo(form())


@app.command()
def policy(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    transport: TransportOption = Transport.stdio,
) -> None:
    """Show which tools need approval, and why."""
    from cio_mcp.cli.policy import policy_as_json, policy_as_text  # noqa: PLC0415 - loads the SDK's types

    typer.echo((policy_as_json if as_json else policy_as_text)(over_http=transport is Transport.http))


@app.command()
def changes(
    change: Annotated[str | None, typer.Argument(help="The change to show in full.", metavar="ID")] = None,
    state: Annotated[ChangeState | None, typer.Option(help="Only changes in this state.")] = None,
    limit: Annotated[int, typer.Option(help="How many changes to show, newest first.", min=1, max=1000)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    calls: CallsOption = False,
) -> None:
    """List changes and their outcomes, or show one."""
    from cio_mcp.cli import changes as command  # noqa: PLC0415 - loads SQLAlchemy and rich

    if change is None:
        command.list_changes(state=state, limit=limit, as_json=as_json)
    else:
        command.show_change(change, as_json=as_json, calls=calls)


@app.command()
def forget(
    person: Annotated[
        str, typer.Argument(help="The person's ID, email address, phone number, or cio_….", metavar="PERSON")
    ],
) -> None:
    """Erase a person from the journal and the events."""
    from cio_mcp.cli import forget as command  # noqa: PLC0415 - loads SQLAlchemy and rich

    command.forget(person)


@app.command()
def pause(
    because: Annotated[str | None, typer.Option(help="Reason, shown wherever writes are refused.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Stop all writes; reads continue."""
    from cio_mcp.cli import pause as command  # noqa: PLC0415 - loads SQLAlchemy and rich

    command.pause(workspace, because)


@app.command()
def resume(workspace: WorkspaceOption = None) -> None:
    """Resume writes after a pause."""
    from cio_mcp.cli import pause as command  # noqa: PLC0415 - loads SQLAlchemy and rich

    command.resume(workspace)


@approvals.callback(invoke_without_command=True)
def window(context: typer.Context) -> None:
    """Approve or deny proposed changes, in a terminal; without a command, in a window."""
    if context.invoked_subcommand is None:
        from cio_mcp.cli import approvals as command  # noqa: PLC0415 - loads SQLAlchemy and rich

        command.window()


@approvals.command("list")
def list_waiting(
    limit: Annotated[int, typer.Option(help="How many changes to show.", min=1, max=500)] = 20,
) -> None:
    """List pending changes, newest first."""
    from cio_mcp.cli import approvals as command  # noqa: PLC0415 - loads SQLAlchemy and rich

    command.list_waiting(limit=limit)


@approvals.command()
def show(change: ChangeArgument, calls: FoldOption = True) -> None:
    """Show a change in full, with its requests."""
    from cio_mcp.cli import approvals as command  # noqa: PLC0415 - loads SQLAlchemy and rich

    command.show(change, calls=calls)


@approvals.command()
def approve(change: ChangeArgument, calls: FoldOption = True) -> None:
    """Approve a change, after reading it in a terminal."""
    from cio_mcp.cli import approvals as command  # noqa: PLC0415 - loads SQLAlchemy and rich

    command.approve(change, calls=calls)


@approvals.command()
def deny(change: ChangeArgument) -> None:
    """Deny a change."""
    from cio_mcp.cli import approvals as command  # noqa: PLC0415 - loads SQLAlchemy and rich

    command.deny(change)


@webhooks.command("serve")
def receive(
    host: Annotated[
        str, typer.Option(help="Address to listen on; beyond loopback it needs a signing key.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8001,
) -> None:
    """Receive webhooks for a server over stdio."""
    from cio_mcp.cli import webhooks as command  # noqa: PLC0415 - loads SQLAlchemy and starlette

    command.serve(host, port)


@webhooks.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; times are Unix seconds.")] = False,
) -> None:
    """Show the last event, delays, gaps, and refusals."""
    from cio_mcp.cli import webhooks as command  # noqa: PLC0415 - loads SQLAlchemy and starlette

    command.status(as_json=as_json)


@webhooks.command()
def register(
    url: Annotated[str, typer.Option(help="Where Customer.io reaches the receiver: https://…/webhooks/customerio.")],
    calls: FoldOption = True,
) -> None:
    """Create or update the webhook after confirmation."""
    from cio_mcp.cli import webhooks_register as command  # noqa: PLC0415 - loads SQLAlchemy and rich

    command.register(url, calls=calls)


def _first(errors: BaseExceptionGroup[Exception]) -> Exception:
    inner = errors.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
