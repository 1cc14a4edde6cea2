"""The entry point: what `cio-mcp` and `python -m cio_mcp` run.

Clients start the server without options and wait until it answers. So the parser of the command line, which takes an
eighth of that time to load, is loaded only where there is something to parse.
"""

import sys

from cio_mcp.cli import lazy
from cio_mcp.errors import CioError, first_of

ERROR_EXIT_CODE = 2


def run() -> None:
    """Run the command line; a user error ends it with one line on stderr and exit status 2."""
    failure: Exception | None = None
    try:
        if sys.argv[1:] in ([], ["serve"]) and not lazy.settings.is_shell_completion():
            lazy.serve.serve_stdio(sandbox=False)
        else:
            lazy.main.run()
    except* CioError as failures:
        failure = first_of(failures)
    if failure is not None:
        sys.stderr.write(f"cio-mcp: {failure}\n")
        raise SystemExit(ERROR_EXIT_CODE)
