"""Listings: the fast reader against botocore's, the real server, and servers that are odd."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.errors import Interrupted, Permanent, Retryable, TransferError
from engine.model import ObjectRef
from engine.pace.cancel import CancelToken
from engine.page import EntryKind, Page
from engine.s3.connection import Connection
from engine.s3.listing import list_pages
from engine.s3.listxml import CutOff, NotAListing, read_listing, when
from tests.engine.s3.scripted import XML, Answer, Scripted, refusal
from tests.servers.seaweed import Seaweed

NAMESPACE = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
ODD_KEYS = [
    "plain/key.txt", "a b", "a+b", "a%20b", "a%2Bb", "ü/漢/😀", "<x>&amp;'\"", "]]>", "a\tb", "c\nd",
    " lead", "trail ", "//x//", "..", "\u2028", "\u202egpj.exe", "Key", "<Key>x</Key>", "é" * 512, "x" * 1024,
]  # fmt: skip
CONTROL_KEYS = ["a\x1bb", "\x01", "a\x00b", "c\rd", "\x7f", "\x85", "g\uffffh"]


def entry(
    key: str, size: int = 5, etag: str = '"e"', date: str = "2001-09-09T01:46:40.500Z", more: str = ""
) -> str:
    return (
        f"<Contents><Key>{key}</Key><LastModified>{date}</LastModified>"
        f"<ETag>{escape(etag, {chr(34): '&quot;'})}</ETag><Size>{size}</Size>{more}"
        "<StorageClass>STANDARD</StorageClass></Contents>"
    )


def document(
    entries: Iterable[str], folders: Iterable[str] = (), *, token: str = "", encoded: bool = False
) -> bytes:
    parts = [
        f"{XML}<ListBucketResult{NAMESPACE}><Name>b</Name><Prefix></Prefix>",
        f"<IsTruncated>{'true' if token else 'false'}</IsTruncated>",
        f"<NextContinuationToken>{token}</NextContinuationToken>" if token else "",
        "<EncodingType>url</EncodingType>" if encoded else "",
        *entries,
        *(f"<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>" for folder in folders),
        "</ListBucketResult>",
    ]
    return "".join(parts).encode("utf-8")


def rows(page: Page) -> list[tuple[str, int, int, float, str, str]]:
    assert page.etags is not None
    assert page.storage_classes is not None
    return list(
        zip(page.names, page.kinds, page.sizes, page.mtimes, page.etags, page.storage_classes, strict=True)
    )


def as_botocore_reads(body: bytes) -> list[tuple[str, int, int, float, str, str]]:
    """The same document through botocore's parser and its decoding of keys."""
    import botocore.session
    from botocore.handlers import decode_list_object_v2
    from botocore.parsers import create_parser

    model = botocore.session.Session().get_service_model("s3").operation_model("ListObjectsV2")
    shape: Any = model.output_shape
    parsed: Any = create_parser("rest-xml").parse({"status_code": 200, "headers": {}, "body": body}, shape)
    decode_list_object_v2(parsed, {"encoding_type_auto_set": True})
    objects = [
        (
            each["Key"],
            int(EntryKind.FILE),
            each["Size"],
            each["LastModified"].timestamp(),
            each["ETag"].strip('"'),
            each["StorageClass"],
        )
        for each in parsed.get("Contents", [])
    ]
    folders = [
        (each["Prefix"].removesuffix("/"), int(EntryKind.FOLDER), -1, 0.0, "", "")
        for each in parsed.get("CommonPrefixes", [])
    ]
    return objects + folders


# -- the reader, against botocore's ----------------------------------------------------------------


@pytest.mark.parametrize("encoded", [False, True])
def test_odd_keys_are_read_as_botocore_reads_them(encoded: bool) -> None:
    keys = ODD_KEYS + (CONTROL_KEYS if encoded else [])
    raw = [quote_plus(key, safe="/") if encoded else escape(key) for key in keys]
    owner = "<Owner><ID>Key</ID><DisplayName>Contents</DisplayName></Owner>"
    entries = [entry(key, size, more=owner) for size, key in enumerate(raw)]
    body = document(entries, [f"{each}/" for each in raw], encoded=encoded)
    listed = read_listing(body, "", None)
    folders = read_listing(body, "", "/").page.names[len(keys) :]
    assert listed.page.names[: len(keys)] == keys
    assert rows(read_listing(body, "", "/").page) == as_botocore_reads(body)
    assert folders == keys


@pytest.mark.parametrize(
    "text",
    [
        "&lt;&gt;&amp;&apos;&quot;",
        "&#97;&#x62;",
        "<![CDATA[a<b>&amp;]]>",
        "a<!-- no -->b",
        "a<?no?>b",
        "&#13;&#10;",
    ],
)
def test_every_way_to_write_a_character_is_read_as_botocore_reads_it(text: str) -> None:
    body = document([entry(text)])
    assert rows(read_listing(body, "", None).page) == as_botocore_reads(body)


def test_layout_and_order_of_elements_do_not_matter() -> None:
    body = (
        f"\n{XML}".lstrip() + f"<ListBucketResult{NAMESPACE}>\n  <Contents>\n    <Size>7</Size>\n"
        "    <StorageClass>GLACIER</StorageClass>\n    <ETag>&#34;e&#34;</ETag>\n"
        "    <LastModified>2001-09-09T01:46:40Z</LastModified>\n    <Key>a b</Key>\n  </Contents>\n"
        "  <CommonPrefixes>\n <Prefix>p/</Prefix>\n </CommonPrefixes>\n"
        "  <EncodingType/>\n  <IsTruncated>false</IsTruncated>\n</ListBucketResult>\n"
    ).encode()
    assert rows(read_listing(body, "", "/").page) == as_botocore_reads(body)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=40), max_size=8),
    st.integers(0, 10**17),
)
@example(["%", "+", "%%20", "&", "a=b"], 0)
def test_whatever_a_key_is_it_comes_back(keys: list[str], size: int) -> None:
    body = document([entry(quote_plus(key, safe="/"), size) for key in keys], encoded=True)
    page = read_listing(body, "", None).page
    assert page.names == keys
    assert list(page.sizes) == [size] * len(keys)


def test_what_an_object_lacks_is_unknown_and_not_its_neighbours() -> None:
    sparse = "<Contents><Key>b</Key></Contents>"
    page = read_listing(document([entry("a"), sparse, entry("c")]), "", None).page
    assert rows(page)[1] == ("b", EntryKind.FILE, -1, 0.0, "", "")


@pytest.mark.parametrize("size", ["", "-1", "1e3", "x", "9" * 40, "²"])
def test_sizes_that_are_none_are_unknown(size: str) -> None:
    body = document([entry("a").replace("<Size>5<", f"<Size>{size}<")])
    assert list(read_listing(body, "", None).page.sizes) == [-1]


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-25T07:12:01.123Z",
        "2026-11-25T07:12:01Z",
        "1970-01-01T00:00:00.000Z",
        "2024-02-29T23:59:59.999Z",
        "2026-11-25T07:12:01+02:00",
    ],
)
def test_dates_are_seconds_since_the_epoch(text: str) -> None:
    assert when(text) == datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-11-25", "2026-13-01T00:00:00Z", "2026-11-25T07:12:01"]
)
def test_what_is_no_date_is_unknown(text: str) -> None:
    assert when(text) == 0.0


def test_names_are_relative_and_what_is_outside_the_prefix_is_left_out() -> None:
    body = document([entry(key) for key in ("p/", "p/a", "q/b", "p")], ["p/d/", "q/e/"])
    flat = read_listing(body, "p/", None).page
    assert flat.names[:2] == ["", "a"]
    assert flat.names.count("a") == 1 and "b" not in flat.names
    level = read_listing(body, "p/", "/").page
    assert level.names == ["a", "d"]
    assert list(level.kinds) == [EntryKind.FILE, EntryKind.FOLDER]


@pytest.mark.fault(52)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"{}",
        b"<!DOCTYPE html><html><body>Log in</body></html>",
        b"<html><body>Log in</body></html>",
        f"{XML}<ListBucketResult/>".encode(),
        f"{XML}<ListBucketResult><IsTruncated>maybe</IsTruncated></ListBucketResult>".encode(),
        f"{XML}<ListAllMyBucketsResult><IsTruncated>false</IsTruncated></ListAllMyBucketsResult>".encode(),
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><ListBucketResult>&b;</ListBucketResult>',
        document([entry("a")]) + b"<more/>",
        document([entry("a\x01")]),
        document([entry("a")]).replace(b"</Key>", b"</Kay>"),
    ],
)
def test_what_is_no_listing_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(NotAListing):
        read_listing(body, "", None)


def test_a_listing_cut_off_anywhere_is_never_taken_for_a_whole_one() -> None:
    body = document([entry("a"), entry("ü")], ["p/"])
    for length in range(len(body)):
        with pytest.raises((CutOff, NotAListing)):
            read_listing(body[:length], "", None)


# -- the real server -------------------------------------------------------------------------------


def names(pages: Iterable[Page]) -> list[str]:
    return [name for page in pages for name in page.names]


def fill(seaweed: Seaweed, bucket: str, keys: Iterable[str]) -> None:
    for key in keys:
        seaweed.client().put_object(Bucket=bucket, Key=key, Body=b"data")


def test_the_real_server_lists_odd_keys(connection: Connection, seaweed: Seaweed, bucket: str) -> None:
    # This server makes one of two slashes, and has no NUL.
    keys = [key for key in ODD_KEYS if "//" not in key and ".." not in key and len(key.encode()) < 256]
    keys += ["a\x1bb", "\x01", "\x85", "c\rd"]
    fill(seaweed, bucket, keys)
    assert sorted(names(list_pages(connection, bucket, "", delimiter=None))) == sorted(keys)


def test_the_real_server_lists_one_level(connection: Connection, seaweed: Seaweed, bucket: str) -> None:
    fill(seaweed, bucket, ["p/a", "p/d/x", "p/d/y", "q"])
    connection.control.put_marker(bucket, "p/")
    (page,) = list_pages(connection, bucket, "p/", delimiter="/")
    assert [row[:3] for row in rows(page)] == [("a", EntryKind.FILE, 4), ("d", EntryKind.FOLDER, -1)]
    assert page.mtimes[0] > 1.7e9
    assert rows(page)[0][4] == connection.control.head(ObjectRef(bucket, "p/a")).etag
    assert "" in names(list_pages(connection, bucket, "p/", delimiter=None))


def test_the_real_server_lists_in_pages_and_from_a_key_on(
    connection: Connection, seaweed: Seaweed, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.s3.listing.PAGE_SIZE", 3)
    fill(seaweed, bucket, [f"p/{number:02}" for number in range(8)] + ["p/04-x", "p/04 y/z"])
    whole = list(list_pages(connection, bucket, "p/", delimiter=None))
    assert [len(page) for page in whole] == [3, 3, 3, 1]
    every = names(whole)
    assert len(set(every)) == 10
    for row, name in enumerate(every):
        rest = list_pages(connection, bucket, "p/", delimiter=None, start_after=f"p/{name}")
        assert names(rest) == every[row + 1 :]
    assert sorted(names(list_pages(connection, bucket, "p/", delimiter="/"))) == sorted(
        name.partition("/")[0] for name in every
    )


def test_an_empty_place_is_one_empty_page(connection: Connection, bucket: str) -> None:
    assert [len(page) for page in list_pages(connection, bucket, "nothing/", delimiter="/")] == [0]


def test_a_bucket_that_is_not_there_is_said_so(connection: Connection) -> None:
    with pytest.raises(Permanent) as error:
        list(list_pages(connection, "never-made", "", delimiter="/"))
    assert error.value.code == "no-such-bucket"


# -- scripted answers ------------------------------------------------------------------------------


def failed(connection: Connection, token: CancelToken | None = None) -> TransferError:
    with pytest.raises(TransferError) as error:
        list(list_pages(connection, "b", "p/", delimiter=None, token=token))
    assert error.value.operation == "list"
    assert error.value.subject == "s3://b/p/"
    return error.value


def test_the_question_is_the_one_meant(scripted: Connection, server: Scripted) -> None:
    server.will(Answer(200, document([], token="t +/=&amp;")), Answer(200, document([])))
    list(list_pages(scripted, "b", "p ü+/", delimiter="/", start_after="p ü+/a"))
    common = {
        "list-type": "2",
        "encoding-type": "url",
        "max-keys": "1000",
        "prefix": "p ü+/",
        "delimiter": "/",
    }
    assert server.asked[0].query == common | {"start-after": "p ü+/a"}
    assert server.asked[1].query == common | {"continuation-token": "t +/=&"}


def test_empty_pages_in_between_are_passed_over(scripted: Connection, server: Scripted) -> None:
    empty = [Answer(200, document([], token=str(number))) for number in range(3)]
    server.will(*empty, Answer(200, document([entry("p/a")])))
    assert [len(page) for page in list_pages(scripted, "b", "p/", delimiter=None)] == [0, 1]


@pytest.mark.fault(53)
def test_a_repeated_token_ends_the_listing(scripted: Connection, server: Scripted) -> None:
    server.will(*(Answer(200, document([entry(f"p/{n}")], token=t)) for n, t in enumerate("ababab")))
    error = failed(scripted)
    assert (type(error), error.code) == (Retryable, "bad-reply")
    assert len(server.asked) == 3


@pytest.mark.fault(53)
def test_a_listing_that_brings_nothing_new_ends(
    scripted: Connection, server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.s3.listing._MOST_STUCK_PAGES", 5)
    server.will(*(Answer(200, document([entry("p/a")], token=str(n))) for n in range(20)))
    assert failed(scripted).code == "bad-reply"
    assert len(server.asked) == 7


def test_servers_that_know_only_the_first_version_are_followed(
    scripted: Connection, server: Scripted
) -> None:
    first = document([entry("p/a"), entry("p/b c")]).replace(b">false<", b">true<")
    server.will(Answer(200, first), Answer(200, document([entry("p/d")])))
    assert names(list_pages(scripted, "b", "p/", delimiter=None)) == ["a", "b c", "d"]
    assert server.asked[1].query["marker"] == "p/b c"
    server.will(Answer(200, first))
    assert failed(scripted).code == "bad-reply"


def test_an_incomplete_page_with_nothing_to_go_on_from_is_an_error(
    scripted: Connection, server: Scripted
) -> None:
    server.will(Answer(200, document([]).replace(b">false<", b">true<")))
    assert failed(scripted).code == "bad-reply"


@pytest.mark.fault(51)
@pytest.mark.parametrize("body", ["<html><body>Please log in</body></html>", "", "{}", f"{XML}<Other/>"])
def test_an_answer_that_is_no_listing_is_not_s3(scripted: Connection, server: Scripted, body: str) -> None:
    server.will(Answer(200, body, {"content-type": "text/html"}))
    error = failed(scripted)
    assert (type(error), error.code) == (Permanent, "not-s3")


@pytest.mark.fault(52)
def test_a_reply_without_end_is_cut(
    scripted: Connection, server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.s3.listing.MOST_BYTES", 10_000)
    server.will(Answer(200, document([entry(f"p/{n}") for n in range(5000)])))
    assert failed(scripted).code == "not-s3"


def test_a_page_that_breaks_off_is_asked_for_again(scripted: Connection, server: Scripted) -> None:
    body = document([entry("p/a")])[:-30]
    server.will(Answer(200, body))
    error = failed(scripted)
    assert (type(error), error.code) == (Retryable, "truncated")


def test_an_error_that_comes_as_a_success_is_an_error(scripted: Connection, server: Scripted) -> None:
    server.will(dataclasses.replace(refusal("SlowDown"), status=200))
    assert failed(scripted).code == "slow-down"
    server.will(dataclasses.replace(refusal("Whatever"), status=200))
    assert isinstance(failed(scripted), Retryable)


@pytest.mark.fault(49)
def test_a_wrong_region_and_a_redirect_are_named_and_not_followed(
    scripted: Connection, server: Scripted
) -> None:
    server.will(refusal("PermanentRedirect", 301, x_amz_bucket_region="eu-west-1"))
    error = failed(scripted)
    assert (error.code, "eu-west-1" in error.detail, len(server.asked)) == ("wrong-region", True, 1)
    server.will(Answer(302, "", {"location": f"{server.url}/elsewhere"}))
    assert (failed(scripted).code, len(server.asked)) == ("redirected", 1)


def test_a_cancelled_listing_asks_no_more(scripted: Connection, server: Scripted) -> None:
    server.will(*(Answer(200, document([entry(f"p/{n}")], token=str(n))) for n in range(20)))
    token = CancelToken()
    pages = list_pages(scripted, "b", "p/", delimiter=None, token=token)
    next(pages)
    token.cancel("enough")
    with pytest.raises(Interrupted):
        next(pages)
    assert len(server.asked) == 1


def test_a_prefix_that_is_not_utf8_is_refused_before_the_network(
    scripted: Connection, server: Scripted
) -> None:
    with pytest.raises(Permanent) as error:
        list(list_pages(scripted, "b", "bad\udcff", delimiter=None))
    assert error.value.code == "name-not-utf8"
    assert server.asked == []
