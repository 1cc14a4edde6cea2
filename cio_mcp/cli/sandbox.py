"""`cio-mcp sandbox`: a simulated workspace over a socket, for trials and tests."""

from typing import Any

from cio_mcp.errors import SettingError
from cio_mcp.sandbox.server import ListenError, run


def serve_sandbox(**options: Any) -> None:
    """Serve a simulated workspace until stopped; `options` are those of `sandbox.server.run`.

    Raises:
        SettingError: it cannot listen there, or cannot post to the URL of the webhook.
    """
    try:
        run(**options)
    except ListenError as error:
        raise SettingError(error.option, str(error)) from None
    except ValueError as error:
        raise SettingError("--webhook-url", str(error)) from None
