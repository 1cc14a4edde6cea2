"""`python -m cio_mcp` is `cio-mcp`."""

from cio_mcp.cli.start import run

run()
