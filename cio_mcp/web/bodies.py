"""Reads request bodies: limits on size and time, and decompression."""

import zlib
from typing import Literal

import anyio
from starlette.requests import ClientDisconnect, Request

MAX_ENCODINGS = 2
"""Compressions of one body that are undone. Chosen: no client compresses three times."""
WINDOW_BITS = {"gzip": (31,), "x-gzip": (31,), "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS)}
"""How zlib reads each encoding; `deflate` has a zlib header (RFC 9110, section 8.4.1.2), but some senders omit it."""

BodyFault = Literal["too big", "too slow", "cut off"]


class BodyRefused(Exception):
    """A body that is too large, that takes too long, or whose connection ended."""

    def __init__(self, reason: BodyFault) -> None:
        super().__init__(reason)
        self.reason: BodyFault = reason


class TooLarge(Exception):
    """A body that is too large once its compression is undone."""


async def read_body(request: Request, *, max_bytes: int, seconds: float) -> bytes:
    """Read a body as it was sent.

    Raises:
        BodyRefused: it is longer than `max_bytes`, not complete after `seconds`, or never will be.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > len(str(max_bytes)) or int(declared) > max_bytes):
        raise BodyRefused("too big")
    chunks, size = [], 0
    with anyio.move_on_after(seconds):
        try:
            async for chunk in request.stream():
                size += len(chunk)
                if size > max_bytes:
                    raise BodyRefused("too big")
                chunks.append(chunk)
        except ClientDisconnect:
            raise BodyRefused("cut off") from None
        return b"".join(chunks)
    raise BodyRefused("too slow")


def decode_body(body: bytes, encodings: str, *, max_bytes: int) -> bytes:
    """Undo the compression that a `Content-Encoding` header names; a body that it does not fit stays as it is.

    Raises:
        TooLarge: the result is longer than `max_bytes`.
    """
    names = [name.strip().lower() for name in encodings.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if len(names) > MAX_ENCODINGS or not WINDOW_BITS.keys() >= set(names):
        return body
    decoded: bytes | None = body
    for name in reversed(names):
        decoded = None if decoded is None else _decompress(decoded, WINDOW_BITS[name], max_bytes)
    return body if decoded is None else decoded


def _decompress(body: bytes, formats: tuple[int, ...], max_bytes: int) -> bytes | None:
    for window_bits in formats:
        decompressor = zlib.decompressobj(window_bits)
        try:
            decoded = decompressor.decompress(body, max_bytes + 1)
        except zlib.error:
            continue
        if len(decoded) > max_bytes:
            raise TooLarge
        if decompressor.eof and not decompressor.unused_data:
            return decoded
    return None
