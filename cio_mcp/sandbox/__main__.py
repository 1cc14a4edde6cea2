"""`python -m cio_mcp.sandbox`: the sandbox alone, without the rest of the package."""

import argparse

from cio_mcp.sandbox.server import run


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(prog="python -m cio_mcp.sandbox", description="Serve a simulated workspace.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8900, help="0 takes a free one")
    parser.add_argument("--people", type=int, default=5000, help="generated besides the fixed cast")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--jitter", type=float, default=0.0, help="the most that an arrival is delayed by, in seconds")
    parser.add_argument("--webhook-url", default="", help="where everything that happens is posted to")
    parser.add_argument("--tls", action="store_true", help="https with a throw-away certificate")
    run(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
