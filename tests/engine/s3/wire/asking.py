"""What the tests ask of a wire, in one line each."""

from __future__ import annotations

from collections.abc import Iterator

from engine.model import ObjectRef
from engine.pace.cancel import CancelToken
from engine.s3.wire import PutReply, Wire
from engine.s3.wire.exchange import Pieces

REF = ObjectRef("b", "k")


def pieces_of(data: bytes, size: int = 65536) -> Pieces:
    """A body in pieces of one size."""

    def pieces() -> Iterator[memoryview]:
        for start in range(0, len(data), size):
            yield memoryview(data)[start : start + size]

    return pieces


def put(
    wire: Wire, data: bytes = b"hello", *, size: int = 65536, token: CancelToken | None = None
) -> PutReply:
    return wire.put_object(REF, pieces_of(data, size), len(data), token=token or CancelToken())


def get(
    wire: Wire,
    *,
    offset: int = 0,
    length: int | None = None,
    if_match: str | None = None,
    token: CancelToken | None = None,
    at_once: int = 65536,
) -> bytes:
    """The whole body of one GET."""
    buffer = memoryview(bytearray(at_once))
    body = bytearray()
    token = token or CancelToken()
    with wire.get_object(REF, offset=offset, length=length, if_match=if_match, token=token) as reply:
        while count := reply.readinto(buffer):
            body += buffer[:count]
    return bytes(body)
