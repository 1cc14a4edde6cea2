"""What ingest is measured beside: an endpoint that reads the body and answers, no more."""

import socket
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def read(request: Request) -> Response:
    await request.body()
    return Response()


def main() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    print(
        f"Receiving at http://127.0.0.1:{listening.getsockname()[1]}/webhooks/customerio", file=sys.stderr, flush=True
    )
    app = Starlette(routes=[Route("/webhooks/customerio", read, methods=["POST"])])
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
