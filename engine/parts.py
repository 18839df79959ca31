"""How an object is cut into parts, and how checksums of parts become those of the whole. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from engine.errors import Permanent, UsageError
from engine.model import DEFAULT_PART_SIZE, GIB, MIB

MIN_PART_SIZE = 5 * MIB
"""S3's least size of every part but the last."""

MAX_PART_SIZE = 5 * GIB
"""S3's largest part, and its largest object in one request."""

MAX_PARTS = 10_000
MAX_OBJECT_SIZE = MAX_PARTS * MAX_PART_SIZE
"""48.8 TiB, S3's limit since December 2025."""


class PlannedPart(NamedTuple):
    """Where one part lies in its object."""

    number: int
    """From 1, without gaps."""
    offset: int
    length: int


def plan_parts(size: int, part_size: int | None = None) -> list[PlannedPart]:
    """Split an object into numbered parts of `part_size` bytes, the last one with what is left.

    An empty object is one empty part. Without a `part_size` it is chosen.

    >>> [part.length for part in plan_parts(size=25, part_size=10)]
    [10, 10, 5]
    >>> plan_parts(size=0)
    [PlannedPart(number=1, offset=0, length=0)]
    """
    if part_size is None:
        part_size = choose_part_size(size)
    if size < 0 or part_size <= 0:
        raise ValueError(f"cannot split {size} bytes into parts of {part_size}")
    return [
        PlannedPart(number, offset, min(part_size, size - offset))
        for number, offset in enumerate(range(0, max(size, 1), part_size), 1)
    ]


def choose_part_size(size: int, asked: int | None = None) -> int:
    """The part size for an object of `size` bytes: as asked, grown where 10,000 parts would not do.

    Raises:
        Permanent: ``part-size`` if `asked` is outside S3's limits, ``too-large`` if the object is.

    >>> choose_part_size(100 * MIB) // MIB, choose_part_size(1024 * GIB) // MIB
    (8, 105)
    """
    if asked is not None and not MIN_PART_SIZE <= asked <= MAX_PART_SIZE:
        raise Permanent("part-size", operation="plan", detail=f"{asked} bytes")
    if size > MAX_OBJECT_SIZE:
        raise Permanent("too-large", operation="plan", detail=f"{size} bytes")
    needed = -(-size // MAX_PARTS)
    part_size = asked or DEFAULT_PART_SIZE
    if needed <= part_size:
        return part_size
    return -(-needed // MIB) * MIB


def likely_part_size(size: int, asked: int | None = None) -> int:
    """The part size that an item will have which has not begun; for show."""
    try:
        return choose_part_size(max(size, 0), asked)
    except Permanent:
        return asked or DEFAULT_PART_SIZE  # It will fail with that reason.


def check_part_size(part_size: int) -> None:
    """Refuse a part size that no object can have.

    Raises:
        UsageError: It is outside S3's limits.
    """
    if not MIN_PART_SIZE <= part_size <= MAX_PART_SIZE:
        raise UsageError(f"the part size must be from 5 MiB to 5 GiB, not {part_size} bytes")


# -- CRC32 -----------------------------------------------------------------------------------------
# A CRC is a polynomial over GF(2), bits reflected: bit 31 is x^0. Appending n bytes multiplies the
# CRC so far by x^(8n) modulo the CRC's polynomial. (As zlib's crc32_combine, which Python lacks.)

_POLYNOMIAL = 0xEDB88320
_ONE = 1 << 31
_X = 1 << 30

_Operator = tuple[list[int], list[int], list[int], list[int]]


def crc32_combine(crc1: int, crc2: int, length2: int) -> int:
    """The CRC32 of two blocks end to end, from the CRC32 of each and the length of the second.

    The operator of a length is kept, so that the equal parts of one object cost a third of a
    microsecond each.

    >>> import zlib
    >>> crc32_combine(zlib.crc32(b"ab"), zlib.crc32(b"cde"), 3) == zlib.crc32(b"abcde")
    True
    """
    if length2 == 0:
        return crc1
    low, second, third, high = _operator(length2)
    shifted = low[crc1 & 255] ^ second[crc1 >> 8 & 255] ^ third[crc1 >> 16 & 255] ^ high[crc1 >> 24]
    return shifted ^ crc2


def combined_crc(parts: Iterable[tuple[int, int]]) -> int:
    """The CRC32 of a whole object from ``(crc, length)`` of its parts in order."""
    whole = 0
    for crc, length in parts:
        # After nothing it is the part's own: most objects are one part.
        whole = crc32_combine(whole, crc, length) if whole else crc
    return whole


@lru_cache(maxsize=32)
def _operator(length: int) -> _Operator:
    """Multiplication by x^(8 * length), as a table for each byte of the factor."""
    power = _power_of_x(8 * length)
    tables = []
    for low_bit in range(0, 32, 8):
        table = [0]
        for bit in range(low_bit, low_bit + 8):
            image = _multiply(power, 1 << bit)
            table += [image ^ other for other in table]
        tables.append(table)
    return tables[0], tables[1], tables[2], tables[3]


def _power_of_x(exponent: int) -> int:
    result, square = _ONE, _X
    while exponent:
        if exponent & 1:
            result = _multiply(square, result)
        square = _multiply(square, square)
        exponent >>= 1
    return result


def _multiply(a: int, b: int) -> int:
    product = 0
    while a:
        if a & _ONE:
            product ^= b
        a = a << 1 & 0xFFFFFFFF
        b = b >> 1 ^ _POLYNOMIAL if b & 1 else b >> 1
    return product


# -- ETag ------------------------------------------------------------------------------------------


def multipart_etag(md5s: Iterable[bytes]) -> str:
    """The ETag S3 gives to an object of parts with these MD5 digests, where it follows AWS.

    >>> multipart_etag([hashlib.md5(b"x").digest()])
    '9affad555af89da9b0bfcd5e45bc93da-1'
    """
    digests = list(md5s)
    whole = hashlib.md5(b"".join(digests), usedforsecurity=False)
    return f"{whole.hexdigest()}-{len(digests)}"
