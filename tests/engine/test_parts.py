"""Cutting objects into parts, and putting checksums together again."""

from __future__ import annotations

import hashlib
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Permanent, UsageError
from engine.model import GIB, MIB
from engine.parts import (
    MAX_OBJECT_SIZE,
    check_part_size,
    choose_part_size,
    combined_crc,
    crc32_combine,
    multipart_etag,
    plan_parts,
)

TIB = 1024 * GIB


@given(size=st.integers(0, 5000), part_size=st.integers(1, 700))
def test_parts_cover_an_object_exactly(size: int, part_size: int) -> None:
    parts = plan_parts(size, part_size)
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    end = 0
    for part in parts:
        assert part.offset == end
        assert part.length == part_size or part is parts[-1]
        assert part.length > 0 or size == 0
        end += part.length
    assert end == size


@pytest.mark.parametrize(("size", "part_size"), [(-1, 10), (10, 0), (10, -5)])
def test_nonsense_is_not_planned(size: int, part_size: int) -> None:
    with pytest.raises(ValueError, match="cannot split"):
        plan_parts(size, part_size)


@given(size=st.integers(0, MAX_OBJECT_SIZE), asked=st.none() | st.integers(5 * MIB, 5 * GIB))
def test_a_chosen_part_size_is_within_the_limits_of_s3(size: int, asked: int | None) -> None:
    part_size = choose_part_size(size, asked)
    assert 5 * MIB <= part_size <= 5 * GIB
    assert -(-size // part_size) <= 10_000
    assert part_size >= (asked or 8 * MIB)


@pytest.mark.fault(55)
@pytest.mark.parametrize(
    ("size", "parts"), [(80_000 * MIB, 10_000), (80_000 * MIB + 1, 8889), (MAX_OBJECT_SIZE, 10_000), (0, 1)]
)
def test_the_part_size_grows_at_the_ten_thousandth_part(size: int, parts: int) -> None:
    planned = plan_parts(size)
    assert len(planned) == parts
    assert planned[-1].offset + planned[-1].length == size


@pytest.mark.fault(55)
def test_48_8_tib_is_the_limit() -> None:
    assert pytest.approx(48.8, abs=0.05) == MAX_OBJECT_SIZE / TIB
    assert choose_part_size(MAX_OBJECT_SIZE) == 5 * GIB
    with pytest.raises(Permanent) as caught:
        choose_part_size(MAX_OBJECT_SIZE + 1)
    assert caught.value.code == "too-large"


@pytest.mark.parametrize("asked", [-1, 0, 1, 5 * MIB - 1, 5 * GIB + 1])
def test_an_impossible_part_size_is_refused(asked: int) -> None:
    with pytest.raises(Permanent) as caught:
        choose_part_size(100, asked)
    assert caught.value.code == "part-size"
    with pytest.raises(UsageError, match="5 MiB to 5 GiB"):
        check_part_size(asked)


@pytest.mark.parametrize("asked", [5 * MIB, 5 * GIB])
def test_the_limits_themselves_are_possible(asked: int) -> None:
    check_part_size(asked)
    assert choose_part_size(100, asked) == asked


@settings(max_examples=300, deadline=None)
@given(first=st.binary(max_size=300), second=st.binary(max_size=3000))
def test_two_crcs_combine_to_that_of_the_whole(first: bytes, second: bytes) -> None:
    combined = crc32_combine(zlib.crc32(first), zlib.crc32(second), len(second))
    assert combined == zlib.crc32(first + second)


@settings(max_examples=60, deadline=None)
@given(blocks=st.lists(st.binary(max_size=500), max_size=12))
def test_any_number_of_crcs_combine(blocks: list[bytes]) -> None:
    parts = ((zlib.crc32(block), len(block)) for block in blocks)
    assert combined_crc(parts) == zlib.crc32(b"".join(blocks))


@settings(max_examples=40, deadline=None)
@given(
    crcs=st.tuples(*[st.integers(0, 2**32 - 1)] * 3),
    lengths=st.tuples(*[st.integers(1, MAX_OBJECT_SIZE)] * 2),
)
def test_it_does_not_matter_what_is_combined_first(
    crcs: tuple[int, int, int], lengths: tuple[int, int]
) -> None:
    """Also for lengths that nobody can compute a checksum over in a test."""
    a, b, c = crcs
    left = crc32_combine(crc32_combine(a, b, lengths[0]), c, lengths[1])
    right = crc32_combine(a, crc32_combine(b, c, lengths[1]), sum(lengths))
    assert left == right


def test_a_real_part_of_8_mib_combines() -> None:
    zeros = bytes(8 * MIB)
    crc = zlib.crc32(zeros)
    assert crc32_combine(crc, crc, len(zeros)) == zlib.crc32(zeros, crc)


def test_more_lengths_than_are_kept_are_still_right() -> None:
    blocks = [bytes([number % 256]) * number for number in range(1, 80)]
    parts = [(zlib.crc32(block), len(block)) for block in blocks]
    assert combined_crc(parts) == combined_crc(parts) == zlib.crc32(b"".join(blocks))


def test_the_etag_of_a_multipart_object_is_the_md5_of_md5s() -> None:
    blocks = [b"a" * 10, b"b" * 5]
    digests = [hashlib.md5(block).digest() for block in blocks]
    expected = hashlib.md5(digests[0] + digests[1]).hexdigest() + "-2"
    assert multipart_etag(iter(digests)) == expected
