"""Facts from headers, and the small conversions of S3's text."""

from __future__ import annotations

import zlib

import pytest

from engine.s3.facts import (
    ObjectFacts,
    crc32_from_base64,
    crc32_to_base64,
    http_time,
    object_facts,
    plain_etag,
)


def test_headers_of_a_reply_become_facts() -> None:
    headers = {
        "etag": '"abc-3"',
        "last-modified": "Sun, 09 Sep 2001 01:46:40 GMT",
        "x-amz-meta-mtime": "1.5",
        "x-amz-version-id": "v1",
        "x-amz-storage-class": "GLACIER",
        "x-amz-checksum-crc32": "y/Q5Jg==",
        "x-amz-checksum-type": "FULL_OBJECT",
        "x-amz-mp-parts-count": "3",
        "x-amz-server-side-encryption": "AES256",
        "x-amz-restore": 'ongoing-request="true"',
        "content-type": "text/plain",
        "content-length": "5",
    }
    assert object_facts(headers, 100) == ObjectFacts(
        100,
        1e9,
        "abc-3",
        "v1",
        "GLACIER",
        "text/plain",
        {"mtime": "1.5"},
        0xCBF43926,
        None,
        "FULL_OBJECT",
        3,
        "AES256",
        'ongoing-request="true"',
    )


def test_sparse_headers_are_enough() -> None:
    assert object_facts({"etag": '"a"', "x-amz-version-id": "null"}, 1) == ObjectFacts(1, 0.0, "a")


def test_a_checksum_with_a_number_of_parts_is_composite() -> None:
    facts = object_facts({"x-amz-checksum-crc32": "y/Q5Jg==-2"}, 1)
    assert (facts.crc32, facts.checksum_type) == (0xCBF43926, "COMPOSITE")


@pytest.mark.parametrize("text", ["", None, "abc", "y/Q5", "!!!!", "y/Q5JgAA"])
def test_what_is_no_crc32_is_none(text: str | None) -> None:
    assert crc32_from_base64(text) is None


def test_crc32_survives_the_header() -> None:
    for data in (b"", b"a", b"123456789"):
        crc = zlib.crc32(data)
        assert crc32_from_base64(crc32_to_base64(crc)) == crc


@pytest.mark.parametrize(("raw", "plain"), [('"a"', "a"), ("a", "a"), ('W/"a"', "a"), (None, ""), ('""', "")])
def test_etags_lose_their_quotes(raw: str | None, plain: str) -> None:
    assert plain_etag(raw) == plain


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 09 Sep 2001 01:46:40 GMT",
        "Sun, 9 Sep 2001 01:46:40 GMT",
        "Sunday, 09-Sep-01 01:46:40 GMT",
        "Sun, 09 Sep 2001 03:46:40 +0200",
    ],
)
def test_dates_are_read_in_every_form(text: str) -> None:
    assert http_time(text) == 1e9


@pytest.mark.parametrize(
    "text", ["", "yesterday", "Thu, 31 Feb 2026 00:00:00 GMT", "Sun, 99 Sep 2001 01:46:40 GMT"]
)
def test_odd_dates_are_unknown_not_an_error(text: str) -> None:
    assert http_time(text) == 0.0
