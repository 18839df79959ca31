"""What servers send and what people write into files."""

from __future__ import annotations

import os
import random
import socket
import tempfile
from typing import Any

from engine.errors import Retryable, TransferError, UsageError
from engine.s3.awsfiles import read_files
from engine.s3.listxml import CutOff, ErrorInside, NotAListing, read_listing
from engine.s3.wire.errors import error_for, parse_error
from engine.s3.wire.head import parse_head
from engine.s3.wire.http import Broken, HttpConnection
from tests.torture.fuzzing.damage import damaged
from tests.torture.fuzzing.texts import any_text
from tui.settings import EXAMPLE, load

_LISTING = b"""<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>p/</Prefix>
<IsTruncated>true</IsTruncated><EncodingType>url</EncodingType><NextContinuationToken>t</NextContinuationToken>
<Contents><Key>p/a%20b</Key><LastModified>2026-11-20T10:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag>
<Size>12</Size><StorageClass>STANDARD</StorageClass></Contents>
<Contents><Key>p/c</Key><Size>9</Size></Contents><CommonPrefixes><Prefix>p/d/</Prefix></CommonPrefixes>
</ListBucketResult>"""
_ERROR = b"""<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please &lt;reduce&gt;</Message>
<RequestId>R1</RequestId><Region>eu-west-1</Region></Error>"""
_HEAD = (
    b'HTTP/1.1 206 Partial Content\r\nDate: Fri, 20 Nov 2026 10:00:00 GMT\r\nETag: "e"\r\n'
    b"Content-Length: 5\r\nContent-Range: bytes 0-4/9\r\nConnection: keep-alive\r\n\r\n"
)
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nx: y\r\n\r\n5;a=b\r\nhello\r\n3\r\nabc\r\n0\r\nt: 1\r\n\r\n"
_INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
_AWS = b"""[default]
region = eu-west-1
s3 =
  addressing_style = path
[profile "a b"]
aws_access_key_id = AKIACANARY
aws_secret_access_key = SECRETCANARY
endpoint_url = http://h:9000
[services x]
s3 =
  endpoint_url = http://i
"""


def listing(rng: random.Random) -> None:
    """A page, or one of three errors; names are what was asked for."""
    document = damaged(_LISTING, rng)
    prefix = rng.choice(("", "p/"))
    try:
        listed = read_listing(document, prefix, rng.choice((None, "/")))
    except (NotAListing, CutOff, ErrorInside):
        return
    page = listed.page
    assert len(page.names) == len(page.sizes) == len(page.mtimes) == len(page.etags or ())
    assert all(size >= -1 for size in page.sizes)


def error_document(rng: random.Random) -> None:
    """Any body of an error becomes an error of the engine, of bounded length."""
    found = parse_error(damaged(_ERROR, rng))
    assert max(map(len, (found.code, found.message, found.request_id, found.region))) <= 500
    error = error_for(
        found.code,
        rng.choice((0, 200, 301, 400, 403, 404, 412, 429, 500, 503, 511, 999)),
        message=found.message,
    )
    assert isinstance(error, TransferError)


def reply_head(rng: random.Random) -> None:
    """A head, or a bad reply."""
    text = damaged(_HEAD[:-4], rng).decode("latin-1")
    try:
        head = parse_head(text)
    except Retryable as error:
        assert error.code == "bad-reply"
        return
    assert 0 <= head.status <= 999 and (head.length is None or head.length >= 0)
    assert all(name == name.lower() for name in head.headers)


def reply_stream(rng: random.Random) -> None:
    """Bytes on a socket become a head and a body, or an error of the engine; nothing hangs, nothing grows."""
    data = damaged(_INTERIM * rng.choice((0, 0, 1, 30)) + rng.choice((_HEAD + b"hello", _CHUNKED)), rng)
    ours, theirs = socket.socketpair()
    try:
        theirs.sendall(data[:100_000])
        theirs.close()
        connection = HttpConnection(ours)
        try:
            connection.read_head(rng.choice(("GET", "GET", "PUT", "HEAD")))
            body = connection.read_all(1000)
            assert len(body) <= min(1000, len(data))
        except Broken:
            return
        except Retryable as error:
            assert error.code in ("bad-reply", "truncated"), error.code
    finally:
        ours.close()
        theirs.close()


def settings_file(rng: random.Random) -> None:
    """Settings, or a usage error that names the file."""
    text = damaged(EXAMPLE.encode(), rng)
    if rng.random() < 0.3:
        text = _odd_toml(rng).encode("utf-8", "surrogatepass")
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        file.write(text)
        file.flush()
        try:
            load({"S3TUI_CONFIG": file.name})
        except UsageError as error:
            assert file.name in str(error)


def _odd_toml(rng: random.Random) -> str:
    name = rng.choice(
        (
            "workers",
            "part_size",
            "rate_limit",
            "wait_for",
            "retries",
            "on_conflict",
            "include",
            "log_file",
            "endpoints",
            "sse",
            "temp_dir",
        )
    )
    value = rng.choice(
        (
            "-1",
            "0",
            "1e400",
            "nan",
            "inf",
            "[]",
            "{}",
            "[[]]",
            "1979-05-27",
            "true",
            "9" * 400,
            '"9" ',
            '"\\u0000"',
            '"~x"',
            '"1e9G"',
            '"' + "9" * 5000 + '"',
            '"٣"',
            '"-5M"',
            '"5M:"',
            '":"',
            '"0x10"',
            '["\\u0000"]',
            '"5:5:5"',
            '"infG"',
            '"nanM"',
            '"1_0"',
        )
    )
    extra = rng.choice(
        ("", '\n[endpoints.x]\nurl = "http://["\n', "\n[endpoints]\nx = 1\n", '\n[endpoints.""]\nurl = "u"\n')
    )
    return f"{name} = {value}{extra}\n"


def aws_file(rng: random.Random) -> None:
    """What can be made of it, without an error and without a secret."""
    text = damaged(_AWS, rng)
    if rng.random() < 0.2:
        text += any_text(rng).encode("utf-8", "surrogatepass")
    with tempfile.TemporaryDirectory() as folder:
        environ = {"HOME": folder}
        for variable in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            environ[variable] = os.path.join(folder, variable)
            with open(environ[variable], "wb") as file:
                file.write(text)
        found = read_files(environ)
        kept: list[Any] = [section.settings for section in found.profiles.values()]
        assert b"SECRETCANARY" not in repr(kept).encode() or b"aws_secret_access_key" not in text
