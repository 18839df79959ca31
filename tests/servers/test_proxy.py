"""The proxy does exactly the damage that it is told, and counts exactly."""

from __future__ import annotations

import http.client
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from email.utils import parsedate_to_datetime

import pytest

from tests.servers.faults import (
    Fault,
    FlipBit,
    Gate,
    HalfClose,
    Latency,
    NoReply,
    Reply,
    Reset,
    Rewrite,
    Rule,
    Slow,
    Stall,
    Truncate,
    captive_portal,
    redirect,
    s3_error,
    skewed_date,
)
from tests.servers.plain_http import BODY, Upstream
from tests.servers.proxy import FaultProxy
from tests.servers.seaweed import Seaweed
from tui.seaweed import s3_client


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def proxy(upstream: Upstream) -> Iterator[FaultProxy]:
    with FaultProxy(upstream.url, seed=1) as proxy:
        yield proxy


def connect(proxy: FaultProxy) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", int(proxy.url.rpartition(":")[2]), timeout=20)


def get(proxy: FaultProxy, path: str = "/b/k", **headers: str) -> tuple[int, dict[str, str], bytes]:
    with closing(connect(proxy)) as line:
        line.request("GET", path, headers=headers)
        with line.getresponse() as reply:
            return reply.status, dict(reply.getheaders()), reply.read()


def put(proxy: FaultProxy, path: str = "/b/k", body: bytes = BODY) -> int:
    with closing(connect(proxy)) as line:
        line.request("PUT", path, body)
        with line.getresponse() as reply:
            reply.read()
            return reply.status


@contextmanager
def raw_get(proxy: FaultProxy) -> Iterator[socket.socket]:
    """A socket on which a GET has been sent."""
    with socket.create_connection(("127.0.0.1", int(proxy.url.rpartition(":")[2])), timeout=20) as line:
        line.sendall(b"GET /b/k HTTP/1.1\r\nHost: here\r\n\r\n")
        yield line


def received(line: socket.socket) -> tuple[bytes, str]:
    """All bytes of the reply's body that come, and how the connection ended: ``closed`` or ``reset``."""
    data = b""
    try:
        while piece := line.recv(1 << 20):
            data += piece
        how = "closed"
    except ConnectionResetError:
        how = "reset"
    return data.partition(b"\r\n\r\n")[2], how


def test_without_rules_all_passes_and_is_counted(proxy: FaultProxy, upstream: Upstream) -> None:
    with closing(connect(proxy)) as line:
        for number in (1, 2, 2):
            line.request("PUT", f"/b/a%20b?partNumber={number}&uploadId=u", BODY)
            with line.getresponse() as reply:
                reply.read()
        line.request("GET", "/b/k", headers={"Range": "bytes=1000-"})
        with line.getresponse() as reply:
            assert reply.read() == BODY[1000:]
        line.request("HEAD", "/b/k")
        with line.getresponse() as reply:
            assert reply.getheader("Content-Length") == str(len(BODY))
    assert upstream.got == [BODY] * 3
    assert upstream.hosts == [f"127.0.0.1:{proxy.url.rpartition(':')[2]}"]
    assert proxy.connections == 1
    assert proxy.sent_parts() == {1: 1, 2: 2}
    assert proxy.sent_parts("/other$") == {}
    assert proxy.sent_bytes() == {1: len(BODY), 2: 2 * len(BODY)}
    assert proxy.asked_ranges() == {"bytes=1000-": 1}
    assert (proxy.bytes_up, proxy.bytes_down) == (3 * len(BODY), len(BODY) - 1000)
    assert [(one.method, one.status, one.ended) for one in proxy.requests()] == [
        ("PUT", 200, True),
        ("PUT", 200, True),
        ("PUT", 200, True),
        ("GET", 206, True),
        ("HEAD", 200, True),
    ]
    assert proxy.requests(query={"uploadId": "u"}, method="PUT")[0].path == "/b/a%20b"
    proxy.forget()
    assert proxy.requests() == []


def test_chunked_reply_passes_as_it_is(proxy: FaultProxy) -> None:
    with closing(connect(proxy)) as line:
        for _ in range(2):
            line.request("GET", "/b/chunked")
            with line.getresponse() as reply:
                assert reply.read() == b"hello world"
    assert proxy.connections == 1


@pytest.mark.parametrize(
    ("fault", "end"),
    [(Reset(at=70_001), "reset"), (Truncate(at=70_001), "closed"), (HalfClose(at=70_001), "closed")],
)
def test_reply_ends_at_the_very_byte(proxy: FaultProxy, fault: Fault, end: str) -> None:
    proxy.add(Rule(fault, method="GET"))
    with raw_get(proxy) as line:
        data, how = received(line)
    assert data == BODY[:70_001]
    assert how == end
    assert proxy.bytes_down == 70_001
    assert not proxy.requests()[0].ended


def test_reply_may_end_before_its_first_byte(proxy: FaultProxy) -> None:
    proxy.add(Rule(HalfClose()))
    with pytest.raises(http.client.IncompleteRead):
        get(proxy)


def test_request_is_reset_at_the_very_byte(proxy: FaultProxy, upstream: Upstream) -> None:
    rule = proxy.add(Rule(Reset(at=300_007, direction="up"), method="PUT", nth=1))
    with pytest.raises(ConnectionError):
        put(proxy)
    assert put(proxy) == 200
    assert proxy.bytes_up == 300_007 + len(BODY)
    assert rule.fitted == 2 and rule.fired == 1
    assert BODY in upstream.got


def test_bit_is_flipped_either_way(proxy: FaultProxy, upstream: Upstream) -> None:
    proxy.add(Rule(FlipBit(at=500_000, bit=3)), Rule(FlipBit(at=0, direction="up")))
    expected = bytearray(BODY)
    expected[500_000] ^= 8
    assert get(proxy)[2] == bytes(expected)
    put(proxy)
    assert upstream.got == [bytes([BODY[0] ^ 1]) + BODY[1:]]


def test_stalled_reply_goes_on_when_the_gate_opens(proxy: FaultProxy) -> None:
    gate = Gate()
    proxy.add(Rule(Stall(at=1000, gate=gate)))
    with raw_get(proxy) as line:
        gate.wait_reached()
        line.settimeout(0.05)
        got = b""
        with pytest.raises(TimeoutError):
            while True:
                got += line.recv(65536)
        assert got.endswith(BODY[999:1000])
        assert proxy.bytes_down == 1000
        gate.open()
        line.settimeout(20)
        while len(got) < len(BODY):
            got += line.recv(65536)
        proxy.wait_until(lambda: proxy.requests()[0].ended)
    assert get(proxy)[2] == BODY


def test_stalled_request_ends_with_its_client(proxy: FaultProxy, upstream: Upstream) -> None:
    proxy.add(Rule(Stall(at=100, direction="up"), nth=1))
    with closing(connect(proxy)) as line:
        line.putrequest("PUT", "/b/k")
        line.putheader("Content-Length", "1000")
        line.endheaders()
        line.send(b"x" * 500)
        proxy.wait_until(lambda: proxy.bytes_up == 100)
    assert put(proxy) == 200
    proxy.stop()  # ends, though a request never did
    assert BODY in upstream.got


def test_slow_body_keeps_its_rate(proxy: FaultProxy) -> None:
    proxy.add(Rule(Slow(4 * len(BODY))))
    began = time.monotonic()
    assert get(proxy)[2] == BODY
    assert 0.2 < time.monotonic() - began < 2.0


def test_drip_is_one_byte_at_a_time(proxy: FaultProxy) -> None:
    proxy.add(Rule(Slow(20)))
    with raw_get(proxy) as line:
        proxy.wait_until(lambda: proxy.bytes_down == 3)
        body = line.recv(65536).partition(b"\r\n\r\n")[2]
    assert len(body) <= 4
    assert body == BODY[: len(body)]


def test_latency_comes_before_request_and_reply(proxy: FaultProxy) -> None:
    proxy.add(Rule(Latency(0.1)), Rule(Latency(0.1, "down")))
    began = time.monotonic()
    get(proxy)
    assert time.monotonic() - began > 0.2


def test_reply_in_the_servers_place_keeps_the_connection(proxy: FaultProxy, upstream: Upstream) -> None:
    rule = proxy.add(Rule(s3_error("SlowDown", 503, retry_after="7"), method="PUT", nth={1, 2}))
    with closing(connect(proxy)) as line:
        for expected in (503, 503, 200):
            line.request("PUT", "/b/k", BODY)
            with line.getresponse() as reply:
                assert reply.status == expected
                body = reply.read()
                if expected == 503:
                    assert b"<Code>SlowDown</Code>" in body and reply.getheader("Retry-After") == "7"
    assert upstream.got == [BODY]
    assert proxy.connections == 1
    assert rule.fired == 2
    assert [one.status for one in proxy.requests()] == [503, 503, 200]


def test_reply_comes_while_the_body_is_still_being_sent(proxy: FaultProxy) -> None:
    proxy.add(Rule(Reply(403, b"no", after=1000)))
    with closing(connect(proxy)) as line:
        line.putrequest("PUT", "/b/k")
        line.putheader("Content-Length", str(len(BODY)))
        line.endheaders()
        line.send(BODY[:2000])
        with line.getresponse() as reply:
            assert (reply.status, reply.read(), reply.getheader("Connection")) == (403, b"no", "close")


def test_early_answer_of_the_server_reaches_the_client(proxy: FaultProxy, upstream: Upstream) -> None:
    upstream.refuse_early = True
    with closing(connect(proxy)) as line:
        line.putrequest("PUT", "/b/k")
        line.putheader("Content-Length", str(len(BODY)))
        line.endheaders()
        with line.getresponse() as reply:
            line.send(BODY)
            assert (reply.status, reply.read()) == (403, b"denied")


def test_request_acted_on_may_lose_its_answer(proxy: FaultProxy, upstream: Upstream) -> None:
    proxy.add(Rule(NoReply("close"), nth=1), Rule(NoReply("reset"), nth=2))
    with pytest.raises(http.client.RemoteDisconnected):
        put(proxy)
    with pytest.raises(ConnectionResetError):
        put(proxy)
    assert upstream.got == [BODY, BODY]
    assert [one.status for one in proxy.requests()] == [None, None]


def test_request_may_never_reach_the_server(proxy: FaultProxy, upstream: Upstream) -> None:
    proxy.add(Rule(NoReply("reset", forward=False), times=1))
    with pytest.raises(ConnectionError):
        put(proxy)
    assert upstream.got == []
    assert put(proxy) == 200


def test_answer_is_rewritten(proxy: FaultProxy) -> None:
    proxy.add(
        Rule(Rewrite({"ETag": '"two"', "X-New": "1"}), nth=1),
        Rule(Rewrite({"Content-Length": None}), nth=2),
        Rule(Rewrite(status=200, body=b"short"), nth=3),
        Rule(skewed_date(3600), nth=4),
    )
    status, headers, body = get(proxy)
    assert (status, headers["ETag"], headers["X-New"], body) == (200, '"two"', "1", BODY)
    _, headers, body = get(proxy)
    assert "Content-Length" not in headers and body == BODY
    status, headers, body = get(proxy, Range="bytes=5-")
    assert (status, headers["Content-Length"], body) == (200, "5", b"short")
    ahead = parsedate_to_datetime(get(proxy)[1]["Date"]).timestamp() - time.time()
    assert 3590 < ahead < 3610


def test_ready_made_replies(proxy: FaultProxy) -> None:
    proxy.add(Rule(redirect("http://127.0.0.1:1/"), nth=1), Rule(captive_portal(), nth=2))
    status, headers, _ = get(proxy)
    assert (status, headers["Location"]) == (307, "http://127.0.0.1:1/")
    assert b"<html>" in get(proxy)[2]


def test_down_proxy_refuses_and_comes_back_at_its_port(proxy: FaultProxy) -> None:
    url = proxy.url
    with raw_get(proxy) as line:
        line.recv(10)
        proxy.go_down()
        assert received(line)[1] == "reset"
    with pytest.raises(ConnectionRefusedError):
        get(proxy)
    proxy.come_back()
    assert proxy.url == url
    assert get(proxy)[2] == BODY


def test_frozen_line_swallows_and_goes_on(proxy: FaultProxy, upstream: Upstream) -> None:
    proxy.freeze()
    with raw_get(proxy) as line:
        line.settimeout(0.1)
        with pytest.raises(TimeoutError):
            line.recv(1)
        assert upstream.hosts == []
        proxy.thaw()
        line.settimeout(20)
        assert line.recv(4) == b"HTTP"


def test_cut_resets_what_there_is_only(proxy: FaultProxy) -> None:
    proxy.add(Rule(Stall(at=10), nth=1))
    with raw_get(proxy) as line:
        proxy.wait_until(lambda: proxy.bytes_down == 10)
        proxy.cut()
        assert received(line)[1] == "reset"
    assert get(proxy)[2] == BODY


def test_same_seed_means_the_same_faults(upstream: Upstream) -> None:
    def outcome(seed: int) -> list[int]:
        with FaultProxy(upstream.url, seed=seed) as proxy:
            proxy.add(
                Rule(s3_error("SlowDown", 503), chance=0.3),
                Rule(lambda rng: Rewrite(status=rng.choice([200, 201])), method="HEAD"),
            )
            with closing(connect(proxy)) as line:
                for _ in range(40):
                    line.request("HEAD", "/b/k")
                    with line.getresponse() as reply:
                        reply.read()
            return [one.status or 0 for one in proxy.requests()]

    assert outcome(1) == outcome(1) != outcome(2)
    assert set(outcome(1)) == {200, 201, 503}


def test_rules_choose_by_path_query_and_claim(proxy: FaultProxy) -> None:
    proxy.add(
        Rule(s3_error("A", 501), path=r"^/b/x$"),
        Rule(s3_error("B", 502), query={"partNumber": "2"}),
        Rule(s3_error("C", 503), query=r"(^|&)uploads(&|=|$)"),
        last := Rule(s3_error("D", 504), when=lambda head: head.header("x-mark") == "1"),
    )
    paths = ["/b/x", "/b/y?partNumber=2&uploadId=u", "/b/y?partNumber=22", "/b/y?uploads="]
    assert [get(proxy, path)[0] for path in paths] == [501, 502, 200, 503]
    assert get(proxy, **{"X-Mark": "1"})[0] == 504
    proxy.remove(last)
    assert get(proxy, **{"X-Mark": "1"})[0] == 200
    proxy.remove_all()
    assert get(proxy, "/b/x")[0] == 200


def test_signed_requests_pass_to_the_real_server(seaweed: Seaweed, bucket: str) -> None:
    data = os.urandom(100_000)
    with FaultProxy(seaweed.url) as proxy:
        client = s3_client(proxy.url, seaweed.access_key, seaweed.secret_key)
        client.put_object(Bucket=bucket, Key="a b/ü", Body=data)
        proxy.add(Rule(FlipBit(at=1), method="GET"))
        got = client.get_object(Bucket=bucket, Key="a b/ü", ChecksumMode="DISABLED")["Body"].read()
        client.close()
    assert seaweed.client().get_object(Bucket=bucket, Key="a b/ü")["Body"].read() == data
    assert got[2:] == data[2:] and got[1] == data[1] ^ 1
