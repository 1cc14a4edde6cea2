"""Logging: to stderr, and never a URL with an address in it."""

import logging
import sys

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def log_to_stderr() -> None:
    """Set up logging before the SDK does. Other packages log only from WARNING on.

    httpx writes whole URLs at INFO, with the addresses in their queries.
    """
    logging.basicConfig(stream=sys.stderr, format=FORMAT, level=logging.WARNING, force=True)
    logging.getLogger("cio_mcp").setLevel(logging.INFO)
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
