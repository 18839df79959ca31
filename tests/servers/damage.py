"""How a body or a head is changed on its way through the proxy."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import TypeAlias

from tests.servers.faults import (
    BodyFault,
    Direction,
    Fault,
    FlipBit,
    HalfClose,
    Reset,
    Rewrite,
    Slow,
    Stall,
    Truncate,
)
from tests.servers.http_body import Body, ReplyHead

Point: TypeAlias = Reset | Truncate | HalfClose | Stall
"""What happens at one offset of a body."""


def plan(faults: Sequence[Fault], direction: Direction) -> tuple[list[Point], list[FlipBit], float | None]:
    """What happens at which offset, in order; which bits change; and the lowest rate."""
    mine: list[BodyFault] = [
        fault
        for fault in faults
        if isinstance(fault, Reset | Truncate | HalfClose | Stall | FlipBit | Slow)
        and fault.direction == direction
    ]
    points = [fault for fault in mine if isinstance(fault, Reset | Truncate | HalfClose | Stall)]
    flips = [fault for fault in mine if isinstance(fault, FlipBit)]
    rates = [fault.bytes_per_second for fault in mine if isinstance(fault, Slow)]
    return sorted(points, key=lambda fault: fault.at), flips, min(rates, default=None)


def flipped(data: bytes, position: int, flips: Sequence[FlipBit]) -> bytes:
    """`data`, whose first byte is at `position` of the body, with the bits that are in it changed."""
    changed = bytearray(data)
    for flip in flips:
        if 0 <= flip.at - position < len(data):
            changed[flip.at - position] ^= 1 << flip.bit
    return bytes(changed)


def body_of(data: bytes) -> Body:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return Body(reader, length=len(data))


def reason_of(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def rewritten(head: ReplyHead, rewrite: Rewrite) -> ReplyHead:
    changes: dict[str, str | Callable[[str], str] | None] = dict(rewrite.headers)
    if rewrite.body is not None:
        changes = {"Transfer-Encoding": None, "Content-Length": str(len(rewrite.body)), **changes}
    by_name = {name.lower(): change for name, change in changes.items()}
    headers: list[tuple[str, str]] = []
    for name, value in head.headers:
        change = by_name.get(name.lower(), value)
        if change is not None:
            headers.append((name, change(value) if callable(change) else change))
    for name, change in changes.items():
        if isinstance(change, str) and head.header(name) is None:
            headers.append((name, change))
    if rewrite.status is not None:
        head = replace(head, status=rewrite.status, reason=reason_of(rewrite.status))
    return replace(head, headers=tuple(headers))


async def until_taken(writer: asyncio.StreamWriter) -> None:
    """Wait, two seconds at most, until the peer's kernel has what was written: a reset would throw it away."""
    if sys.platform != "linux":
        return
    import fcntl
    import termios

    sock = writer.get_extra_info("socket")
    for _ in range(400):
        left = bytearray(4)
        if sock is None or sock.fileno() < 0:
            return
        fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, left)
        if not int.from_bytes(left, sys.byteorder):
            return
        await asyncio.sleep(0.005)
