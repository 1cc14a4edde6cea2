"""Opens a listening socket, and reports a failure in one line."""

import os
import socket

from cio_mcp.errors import SettingError

LOOPBACK = ("127.0.0.1", "::1", "localhost")
BACKLOG = 128


def listen(host: str, port: int) -> socket.socket:
    """Listen on an address.

    Raises:
        SettingError: the address or the port cannot be had.
    """
    address = "127.0.0.1" if host == "localhost" else host
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        listening = socket.create_server((address, port), family=family, backlog=BACKLOG)
        # asyncio leaves Nagle's algorithm on for sockets made like this, and answers then take 40 ms.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except socket.gaierror:
        raise SettingError("--host", f"{host} is not an address of this machine") from None
    except OSError as error:
        # Python adds the address to the system's own words.
        reason = os.strerror(error.errno) if error.errno else "unknown reason"
        raise SettingError("--port", f"{port} cannot be used ({reason}). Choose another port") from None
    return listening


def authority(listening: socket.socket) -> str:
    """Host and port as a URL contains them."""
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
