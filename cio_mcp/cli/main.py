"""The command line. Each command is imported when it runs: whoever starts the server waits for nothing else."""

from enum import StrEnum
from typing import Annotated

import typer

from cio_mcp.cli.sandbox import sandbox
from cio_mcp.errors import CioError
from cio_mcp.storage.rows import ChangeState

EXIT_BY_ERROR = 2

app = typer.Typer(
    name="cio-mcp",
    help="An assistant operates a Customer.io workspace; a person approves every write.",
    epilog="Settings come from the environment (CIO_…); the README lists them.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
approvals = typer.Typer(help="Decide about proposed changes, outside the client; alone, a live list of them.")
app.add_typer(approvals, name="approvals")
webhooks = typer.Typer(help="What Customer.io reports: messages and people.", no_args_is_help=True)
app.add_typer(webhooks, name="webhooks")


class Transport(StrEnum):
    """How clients reach the server."""

    stdio = "stdio"
    http = "http"


TransportOption = Annotated[
    Transport, typer.Option(help="stdio for one client that starts the server; http for several.")
]
HostOption = Annotated[str, typer.Option(help="Address to listen on (http); loopback only.")]
PortOption = Annotated[int, typer.Option(help="Port to listen on (http).", min=0, max=65535)]
SandboxOption = Annotated[bool, typer.Option("--sandbox", help="Serve a made-up workspace: no account, nothing real.")]
ReadOnlyOption = Annotated[bool, typer.Option("--read-only", help="Offer no tool that writes (CIO_READ_ONLY).")]
ToolsetsOption = Annotated[str | None, typer.Option(help="Toolsets to offer, comma-separated (CIO_TOOLSETS).")]
ChangeArgument = Annotated[str, typer.Argument(help="The change's id.", metavar="ID")]
CallsOption = Annotated[bool, typer.Option("--calls", help="Show the exact requests, unfolded.")]
WorkspaceOption = Annotated[str | None, typer.Option(help="Only this workspace; else every one in the database.")]


def run() -> None:
    """Run the command line; an error of ours ends it with one line on stderr and exit status 2."""
    failed: CioError | None = None
    try:
        app()
    except* CioError as errors:
        failed = _first(errors)
    if failed is not None:
        typer.echo(f"cio-mcp: {failed}", err=True)
        raise SystemExit(EXIT_BY_ERROR)


@app.callback(invoke_without_command=True)
def by_default(context: typer.Context) -> None:
    """Without a command, serve over stdio."""
    if context.invoked_subcommand is None:
        serve()


@app.command()
def serve(
    transport: TransportOption = Transport.stdio,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    sandbox: SandboxOption = False,
    read_only: ReadOnlyOption = False,
    toolsets: ToolsetsOption = None,
) -> None:
    """Serve the workspace to MCP clients (what `cio-mcp` alone does, over stdio)."""
    from cio_mcp.cli.serve import serve_http, serve_stdio  # noqa: PLC0415 - loads the SDK

    overrides = {"read_only": read_only or None, "toolsets": toolsets}
    if transport is Transport.http:
        serve_http(host, port, sandbox=sandbox, **overrides)
    else:
        serve_stdio(sandbox=sandbox, **overrides)


@app.command()
def demo() -> None:
    """Take a guided tour on a made-up workspace, in under 20 seconds."""
    from cio_mcp.cli.demo import demo as tour  # noqa: PLC0415 - loads the SDK's client

    raise typer.Exit(tour())


app.command()(sandbox)


@app.command()
def tools(
    as_json: Annotated[bool, typer.Option("--json", help="Everything a client is told, as JSON.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="The table of the documentation.")] = False,
) -> None:
    """List every tool there is, whatever keys are set."""
    from cio_mcp.cli.tools import tools_as_json, tools_as_markdown, tools_as_text  # noqa: PLC0415 - loads the SDK

    form = tools_as_json if as_json else tools_as_markdown if markdown else tools_as_text
    typer.echo(form())


@app.command()
def policy(
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
    transport: TransportOption = Transport.stdio,
) -> None:
    """Show what needs a person, what is allowed and what is hidden, tool by tool, and why."""
    from cio_mcp.cli.policy import policy_as_json, policy_as_text  # noqa: PLC0415 - loads the SDK's types

    typer.echo((policy_as_json if as_json else policy_as_text)(over_http=transport is Transport.http))


@app.command()
def changes(
    change: Annotated[str | None, typer.Argument(help="The change to show in full.", metavar="ID")] = None,
    state: Annotated[ChangeState | None, typer.Option(help="Only changes of this state.")] = None,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1, max=1000)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    calls: CallsOption = False,
) -> None:
    """List what was to be written and what became of it, or show one change in full."""
    from cio_mcp.cli import changes as command  # noqa: PLC0415 - loads SQLAlchemy and rich

    if change is None:
        command.list_changes(state=state, limit=limit, as_json=as_json)
    else:
        command.show_change(change, as_json=as_json, calls=calls)


@app.command()
def forget(
    person: Annotated[str, typer.Argument(help="Their id, email address, phone number or cio_….", metavar="PERSON")],
) -> None:
    """Erase what is kept about a person, on a terminal, after showing how much it is."""
    from cio_mcp.cli import forget as command  # noqa: PLC0415 - loads SQLAlchemy and rich

    command.forget(person)


@app.command()
def pause(
    because: Annotated[str | None, typer.Option(help="Why, for whoever finds writes stopped.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Stop all writes, in every process at once; reads go on."""
    from cio_mcp.cli import pause as command  # noqa: PLC0415 - loads SQLAlchemy and rich

    command.pause(workspace, because)


@app.command()
def resume(workspace: WorkspaceOption = None) -> None:
    """Let writes go on after a pause; each still needs its approval."""
    from cio_mcp.cli import pause as command  # noqa: PLC0415 - loads SQLAlchemy and rich

    command.resume(workspace)


@approvals.callback(invoke_without_command=True)
def live_list(context: typer.Context) -> None:
    """Decide about proposed changes, outside the client; without a command, watch what waits."""
    if context.invoked_subcommand is None:
        from cio_mcp.cli import approvals as command  # noqa: PLC0415 - loads SQLAlchemy and rich

        command.live_list()


@approvals.command("list")
def list_waiting() -> None:
    """List the changes that wait for a decision."""
    from cio_mcp.cli import approvals as command  # noqa: PLC0415 - loads SQLAlchemy and rich

    command.list_waiting()


@approvals.command()
def show(change: ChangeArgument, calls: CallsOption = False) -> None:
    """Show a change in full: the question, what becomes of each value, and the requests that would be made."""
    from cio_mcp.cli import approvals as command  # noqa: PLC0415 - loads SQLAlchemy and rich

    command.show(change, calls=calls)


@approvals.command()
def approve(change: ChangeArgument, calls: CallsOption = False) -> None:
    """Approve a change, on a terminal, after reading it."""
    from cio_mcp.cli import approvals as command  # noqa: PLC0415 - loads SQLAlchemy and rich

    command.approve(change, calls=calls)


@approvals.command()
def deny(change: ChangeArgument) -> None:
    """Deny a change; nothing is sent."""
    from cio_mcp.cli import approvals as command  # noqa: PLC0415 - loads SQLAlchemy and rich

    command.deny(change)


@webhooks.command("serve")
def receive(
    host: Annotated[
        str, typer.Option(help="Address to listen on; beyond loopback it needs a signing key.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8001,
) -> None:
    """Receive webhooks beside a server over stdio, into the same database."""
    from cio_mcp.cli import webhooks as command  # noqa: PLC0415 - loads SQLAlchemy and starlette

    command.serve(host, port)


@webhooks.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON; times are Unix seconds.")] = False,
) -> None:
    """Show the last event, how late events come, gaps, and what was refused."""
    from cio_mcp.cli import webhooks as command  # noqa: PLC0415 - loads SQLAlchemy and starlette

    command.status(as_json=as_json)


@webhooks.command()
def register(
    url: Annotated[str, typer.Option(help="Where Customer.io reaches the receiver: https://…/webhooks/customerio.")],
    calls: CallsOption = False,
) -> None:
    """Create the reporting webhook in Customer.io, or mend it, after showing what changes."""
    from cio_mcp.cli import webhooks_register as command  # noqa: PLC0415 - loads SQLAlchemy and rich

    command.register(url, calls=calls)


def _first(errors: BaseExceptionGroup[CioError]) -> CioError:
    inner = errors.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
