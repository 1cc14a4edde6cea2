"""`python -m cio_mcp.sandbox`: the sandbox alone, without the rest of the package."""

import argparse

from cio_mcp.sandbox.server import ListenError, run


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(prog="python -m cio_mcp.sandbox", description="Serve a simulated workspace.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8900, help="port; 0 picks a free one")
    parser.add_argument("--people", type=int, default=5000, help="people generated in addition to the fixtures")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same workspace")
    parser.add_argument("--jitter", type=float, default=0.0, help="longest delay of a request, in seconds")
    parser.add_argument("--webhook-url", default="", help="where signed reporting webhooks are posted")
    parser.add_argument("--tls", action="store_true", help="serve https with a temporary certificate")
    options = parser.parse_args()
    try:
        run(**vars(options))
    except ListenError as error:
        parser.exit(2, f"{parser.prog}: {error.option}: {error}\n")
    except ValueError as error:
        parser.exit(2, f"{parser.prog}: --webhook-url: {error}\n")


if __name__ == "__main__":
    main()
