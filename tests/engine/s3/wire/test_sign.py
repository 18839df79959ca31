"""Our signatures are botocore's signatures."""

from __future__ import annotations

import random
import string
from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from engine.s3.wire.sign import EMPTY_SHA256, UNSIGNED, Credentials, quote_key, quote_query, sign

NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
KEYS = [
    "plain.txt",
    "",
    "/leading",
    "//two",
    "a//b",
    "trailing/",
    "a b/c d",
    "a+b",
    "a~b-c_d.e",
    "%41%2F",
    "ü/日本/😀",
    "!'()*",
    "a=b&c?d#e",
    ":@;,$",
    "a\\b|c<d>e\"f'g`h^i{j}",
    ".",
    "../x/./y/..",
    "tab\there",
    "line\nbreak",
    "x" * 1024,
]
QUERIES: list[tuple[tuple[str, str], ...]] = [
    (),
    (("uploadId", "a+/=~ b"), ("partNumber", "7")),
    (("list-type", "2"), ("prefix", "ü/ &=?#"), ("delimiter", "/"), ("continuation-token", "1//+==")),
    (("versionId", "null"),),
    (("uploads", ""),),
    (("b", "1"), ("a", "2"), ("B", "3"), ("a-b", "4"), ("a_b", "5")),
]
HEADERS: list[dict[str, str]] = [
    {},
    {"range": "bytes=0-9", "if-match": '"abc-2"'},
    {
        "x-amz-meta-mtime": "1.5",
        "x-amz-meta-text": "  two   spaces,  and\ttab ",
        "content-type": "text/plain",
    },
    {"x-amz-checksum-crc32": "y/Q5Jg==", "x-amz-sdk-checksum-algorithm": "CRC32", "content-md5": "1B2M=="},
    {"x-amz-request-payer": "requester", "if-none-match": "*", "x-amz-storage-class": "GLACIER"},
]


def by_botocore(
    credentials: Credentials,
    method: str,
    key: str,
    query: tuple[tuple[str, str], ...],
    headers: dict[str, str],
    payload: str,
) -> str:
    url = f"https://b.s3.amazonaws.com/{quote_key(key)}"
    if query:
        url += f"?{quote_query(query)}"
    request = AWSRequest(method=method, url=url, headers={**headers, "Host": "b.s3.amazonaws.com"})
    request.context["client_config"] = None
    request.headers["X-Amz-Content-SHA256"] = payload
    auth = S3SigV4Auth(BotoCredentials(*credentials), "s3", "eu-west-1")
    with (
        patch("botocore.auth.get_current_datetime", lambda *_: NOW.replace(tzinfo=None)),
        patch.object(auth, "payload", lambda _: payload),
    ):
        auth.add_auth(request)
    return str(request.headers["Authorization"])


def ours(
    credentials: Credentials,
    method: str,
    key: str,
    query: tuple[tuple[str, str], ...],
    headers: dict[str, str],
    payload: str,
) -> str:
    host = {"host": "b.s3.amazonaws.com"}
    path = f"/{quote_key(key)}"
    signed = sign(credentials, "eu-west-1", NOW, method, path, quote_query(query), headers | host, payload)
    return signed["authorization"]


@pytest.mark.parametrize("credentials", [Credentials("AK", "sk/+="), Credentials("AK", "sk", "to/ken+==")])
@pytest.mark.parametrize("key", KEYS)
def test_signature_of_any_key_is_that_of_botocore(key: str, credentials: Credentials) -> None:
    for query in QUERIES:
        for headers in HEADERS:
            asked = (credentials, "PUT", key, query, headers, UNSIGNED)
            assert ours(*asked) == by_botocore(*asked)


def test_signature_of_random_requests_is_that_of_botocore() -> None:
    rng = random.Random(7)
    letters = string.printable[:-6] + "äöü€𝄞%25+ "
    for _ in range(200):
        key = "".join(rng.choices(letters, k=rng.randrange(60)))
        query = (
            (("prefix", "".join(rng.choices(letters, k=9)))),
            ("versionId", "".join(rng.choices(letters, k=9))),
        )
        headers = {"x-amz-meta-a": "".join(rng.choices(string.printable[:-5], k=20))}
        method = rng.choice(["GET", "HEAD", "PUT"])
        asked = (Credentials("AK", "sk"), method, key, query, headers, EMPTY_SHA256)
        assert ours(*asked) == by_botocore(*asked), key


def test_keys_are_signed_as_they_are_sent() -> None:
    assert quote_key("/a//b c+~ü/") == "/a//b%20c%2B~%C3%BC/"


def test_credentials_do_not_show_themselves() -> None:
    text = f"{Credentials('AK', 'secret', 'token')!r} {Credentials('AK', 'secret', 'token')}"
    assert "secret" not in text and "token" not in text
