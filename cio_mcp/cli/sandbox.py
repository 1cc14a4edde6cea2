"""`cio-mcp sandbox`: a simulated workspace over a socket, for trials and tests."""

from typing import Annotated

import typer

from cio_mcp.errors import SettingError


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
    from cio_mcp.sandbox.server import ListenError, run  # noqa: PLC0415 - other commands start without it

    try:
        run(host=host, port=port, people=people, seed=seed, jitter=jitter, tls=tls, webhook_url=webhook_url)
    except ListenError as error:
        raise SettingError(error.option, str(error)) from None
    except ValueError as error:
        raise SettingError("--webhook-url", str(error)) from None
