"""Heads of replies, and what is none."""

from __future__ import annotations

import pytest

from engine.errors import Retryable
from engine.s3.wire.head import chunk_size, content_range, parse_head, retry_after


def test_head_is_read_whatever_its_spelling() -> None:
    head = parse_head(
        'HTTP/1.1 206 Partial Content\r\nETAG: "a"\r\nContent-Length:5\r\nX-A:  b:c  \r\nx-a: d'
    )
    assert (head.status, head.length, head.is_chunked, head.keeps_alive) == (206, 5, False, True)
    assert head.headers == {"etag": '"a"', "content-length": "5", "x-a": "b:c, d"}


@pytest.mark.parametrize(
    ("text", "keeps"),
    [
        ("HTTP/1.1 200 OK", True),
        ("HTTP/1.1 200", True),
        ("HTTP/1.1 200 OK\r\nConnection: Close", False),
        ("HTTP/1.1 200 OK\r\nConnection: keep-alive", True),
        ("HTTP/1.0 200 OK", False),
    ],
)
def test_connection_is_kept_only_where_the_server_keeps_it(text: str, keeps: bool) -> None:
    assert parse_head(text).keeps_alive is keeps


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SSH-2.0-OpenSSH_9.2",
        "HTTP/2 200",
        "HTTP/1.1 20",
        "HTTP/1.1 abc",
        "HTTP/1.1 ²00",
        "HTTP/1.1 200 OK\r\nno colon",
        "HTTP/1.1 200 OK\r\na: b\r\n folded: c",
        "HTTP/1.1 200 OK\r\nContent-Length: -1",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked",
    ],
)
def test_what_is_no_head_is_a_bad_reply(text: str) -> None:
    with pytest.raises(Retryable) as caught:
        parse_head(text)
    assert caught.value.code == "bad-reply"


@pytest.mark.parametrize("line", ["", "-1", "+5", "0x5", "1_0", "5 5", "g", "1" * 16])
def test_what_is_no_chunk_size_is_a_bad_reply(line: str) -> None:
    with pytest.raises(Retryable):
        chunk_size(line)


@pytest.mark.parametrize("text", ["", "bytes */5", "bytes 0-4/*", "0-4/5", "bytes 0-4", "bytes ٠-٤/٥"])
def test_what_is_no_content_range_is_none(text: str) -> None:
    assert content_range(text) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7.0), ("0", 0.0), (None, None), ("", None), ("-1", None), ("soon", None), ("9" * 400, None)],
)
def test_only_seconds_are_waited_for(text: str | None, seconds: float | None) -> None:
    assert retry_after(text) == seconds
