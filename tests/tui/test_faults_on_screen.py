"""The faults that people meet most, on the real engine, as they are seen on 80 columns by 24 lines."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.queue import blockade
from engine.s3 import credentials
from tests.engine.queue.faulty import HOST, JumpingClock, Names, running_on
from tests.engine.queue.real import MIB, Engine, write
from tests.servers.faults import Gate, Rule, Stall, captive_portal, s3_error
from tests.servers.proxy import FaultProxy
from tests.servers.scripted import ScriptedS3
from tests.tui.on_engine import on_screen
from tui.screens.details import sheet

SIZE = 20 * MIB
"""Three parts: 8, 8 and 4 MiB."""
TAIL = {"partNumber": "3"}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")


@pytest.fixture(autouse=True)
def steady_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a condition is over is looked at every 2 to 3 s, however long it lasts."""
    for code in blockade._DELAYS:
        monkeypatch.setitem(blockade._DELAYS, code, (3.0, 3.0))


@pytest.fixture
def s3() -> Iterator[ScriptedS3]:
    with ScriptedS3("b") as server:
        yield server


@pytest.fixture
def proxy(s3: ScriptedS3) -> Iterator[FaultProxy]:
    with FaultProxy(s3.url) as proxy:
        yield proxy


def half_sent(engine: Engine, proxy: FaultProxy, tmp_path: Path) -> Gate:
    """An upload in the middle of its last part."""
    gate = Gate()
    proxy.add(Rule(Stall(at=MIB, direction="up", gate=gate), method="PUT", query=TAIL, nth=1))
    engine.copy(write(tmp_path / "files" / "a", SIZE), "s3://b/a")
    gate.wait_reached()
    return gate


def seconds(screen: str, text: str) -> int | None:
    """The countdown behind a text."""
    found = re.search(re.escape(text) + r" in (\d+)s", screen)
    return int(found[1]) if found else None


@pytest.mark.fault(1)
async def test_offline_counts_down_and_goes_on_by_itself(
    s3: ScriptedS3, proxy: FaultProxy, tmp_path: Path
) -> None:
    with running_on(tmp_path / "state", proxy.url, workers=1) as engine:
        half_sent(engine, proxy, tmp_path)
        async with on_screen(engine, tmp_path / "files") as screen:
            proxy.go_down()
            await screen.until(lambda text: seconds(text, "offline, retry") == 2)
            await screen.until(lambda text: seconds(text, "offline, retry") == 1)
            await screen.shows("WAIT", "waiting 1", "offline, retry in ", "(connection re")
            await screen.details("waiting: offline, retry", "(connection refused)")
            proxy.come_back()
            await screen.shows("DONE", "verified crc")
    assert proxy.sent_parts() == {1: 1, 2: 1, 3: 2}


@pytest.mark.fault(2)
async def test_a_name_that_is_not_found_is_on_the_screen(
    s3: ScriptedS3, proxy: FaultProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, port = Names(monkeypatch), int(proxy.url.rpartition(":")[2])
    names.answer = ("127.0.0.1", port)
    with running_on(tmp_path / "state", f"http://{HOST}:{port}", workers=1) as engine:
        half_sent(engine, proxy, tmp_path)
        async with on_screen(engine, tmp_path / "files") as screen:
            names.answer = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
            proxy.cut()
            await screen.until(lambda text: seconds(text, "offline, retry"))
            await screen.shows("offline, retry in ", f"({HOST[:12]}")
            await screen.details(f"({HOST}: Temporary failure in name resolution)")
            names.answer = ("127.0.0.1", port)
            await screen.shows("DONE", "verified crc")
    assert proxy.sent_parts() == {1: 1, 2: 1, 3: 2}


def test_in_details_reasons_break_between_words_and_addresses_anywhere() -> None:
    reason = "the endpoint cannot be reached (s3.example.com: Temporary failure in name resolution)"
    lines = sheet([("Last error", reason)], 40).splitlines()
    assert len(lines) > 2
    assert [word for text in lines for word in text.removeprefix("Last error").split()] == reason.split()
    address = "s3://bucket/" + "x" * 100
    shown = sheet([("Source", address)], 40).removeprefix("Source")
    assert "".join(shown.split()) == address


@pytest.mark.fault(4, 6)
async def test_a_stall_says_so_and_which_try_comes_when(
    s3: ScriptedS3, proxy: FaultProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.s3.wire.http.SLICE_SECONDS", 0.1)
    monkeypatch.setattr("engine.s3.wire.dial.SLICE_SECONDS", 0.1)
    clock = JumpingClock()
    with running_on(tmp_path / "state", proxy.url, clock=clock, workers=1) as engine:
        half_sent(engine, proxy, tmp_path)

        stepped = time.monotonic()

        def time_passes(text: str) -> bool:
            # No faster than whoever watches for a stall looks: more than 15 s between two looks would be a sleep of
            # the machine. And no further once it is found, or the try would be over before it is shown.
            nonlocal stepped
            [row] = engine.manager.snapshot(0, 1).rows
            if row.waiting is None and time.monotonic() - stepped > 0.4:
                clock.ahead += 5.0
                stepped = time.monotonic()
            return "retry 2/8 in 1s (stalled: no byte for" in text

        async with on_screen(engine, tmp_path / "files") as screen:
            await screen.shows(" RUN ")
            await screen.until(time_passes)
            await screen.shows("DONE", "verified crc")
    assert proxy.sent_parts() == {1: 1, 2: 1, 3: 2}


@pytest.mark.fault(16)
async def test_a_busy_server_shows_how_much_less_is_asked_and_that_it_rises_again(
    s3: ScriptedS3, proxy: FaultProxy, tmp_path: Path
) -> None:
    clock, gate = JumpingClock(), Gate()
    proxy.add(Rule(s3_error("SlowDown", 503), method="PUT", query={"partNumber": "4"}, nth=1))
    proxy.add(Rule(Stall(at=MIB, direction="up", gate=gate), method="PUT", query="partNumber=[123]&"))
    with running_on(tmp_path / "state", proxy.url, queue_clock=clock, workers=4) as engine:
        async with on_screen(engine, tmp_path) as screen:
            engine.copy(write(tmp_path / "files" / "a", 2 * SIZE), "s3://b/a")
            await screen.shows("server busy: 2 of 4 at a time")
            clock.ahead += 2.5
            await screen.shows("server busy: 3 of 4 at a time")
            clock.ahead += 5.0
            await screen.until(lambda text: "server busy" not in text)
            gate.open()
            await screen.shows("DONE", "verified crc")
    assert proxy.sent_parts()[4] == 2, "the part that was refused went once more"


@pytest.mark.fault(16)
async def test_a_server_that_is_busy_for_one_item_shows_when_it_is_asked_again(
    s3: ScriptedS3, proxy: FaultProxy, tmp_path: Path
) -> None:
    proxy.add(Rule(s3_error("SlowDown", 503, retry_after="60"), method="PUT", path="/a$", nth=1))
    with running_on(tmp_path / "state", proxy.url, workers=4) as engine:
        async with on_screen(engine, tmp_path) as screen:
            engine.copy(write(tmp_path / "files" / "a", 10), "s3://b/a")
            await screen.until(lambda text: (seconds(text, "WAIT         server busy, retry") or 99) < 58)
            await screen.shows("(asks 1 req")
            await screen.details("asks 1 request at a time: SlowDown", "server is busy (SlowDown: as told)")
            await screen.press("r")
            await screen.shows("DONE", "verified crc")
    assert s3.count("PutObject") == 1, "the refusal came from the proxy, and nothing was sent twice"


@pytest.mark.fault(45)
async def test_expired_credentials_name_the_profile_and_new_ones_resume_the_same_upload(
    s3: ScriptedS3, proxy: FaultProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setattr(credentials, "_RELOAD_SECONDS", 0.0)
    keys = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(keys))
    secret = "aws_secret_access_key=SK\naws_session_token=T\n"
    keys.write_text(f"[prod]\naws_access_key_id=OLDKEY\n{secret}")
    with running_on(tmp_path / "state", proxy.url, name="prod", workers=1) as engine:
        gate = half_sent(engine, proxy, tmp_path)
        expired = s3_error("ExpiredToken", 400)
        proxy.add(Rule(expired, when=lambda head: "OLDKEY" in (head.header("authorization") or "")))
        async with on_screen(engine, tmp_path / "files") as screen:
            proxy.cut()
            gate.open()
            await screen.until(lambda text: seconds(text, "sign in again, retry"))
            await screen.shows("WAIT", "sign in again, retry in ", "(prod: ")
            await screen.details("(prod: ExpiredToken: as told)", "Sign in again (for SSO: aws sso login)")
            keys.write_text(f"[prod]\naws_access_key_id=NEWKEY\n{secret}")
            await screen.shows("DONE", "verified crc")
    assert s3.count("CreateMultipartUpload") == 1
    assert proxy.sent_parts()[1] == proxy.sent_parts()[2] == 1
    assert s3.data("b", "a") == (tmp_path / "files" / "a").read_bytes()


@pytest.mark.parametrize(("ahead", "offset"), [(-1260, "21 min fast"), (10_800, "3 h slow")])
@pytest.mark.fault(47)
async def test_a_wrong_clock_shows_by_how_much(
    s3: ScriptedS3, proxy: FaultProxy, tmp_path: Path, ahead: float, offset: str
) -> None:
    s3.switches.clock_ahead = ahead
    s3.refuse("RequestTimeTooSkewed", 403, operation="UploadPart")
    with running_on(tmp_path / "state", proxy.url, workers=1) as engine:
        async with on_screen(engine, tmp_path) as screen:
            engine.copy(write(tmp_path / "files" / "a", SIZE), "s3://b/a")
            await screen.until(lambda text: seconds(text, f"clock {offset}, retry"))
            await screen.details(f"clock is too far off ({offset})", "Set the clock")
            s3.relent()
            await screen.shows("DONE", "verified crc")
    assert s3.count("CreateMultipartUpload") == 1


@pytest.mark.parametrize(
    ("operation", "size", "permission"),
    [
        ("PutObject", 10, "s3:PutObject"),
        ("UploadPart", SIZE, "s3:PutObject"),
        ("CreateMultipartUpload", SIZE, "s3:PutObject"),
    ],
)
@pytest.mark.fault(46)
async def test_a_denied_action_says_which_permission_it_takes(
    s3: ScriptedS3, proxy: FaultProxy, tmp_path: Path, operation: str, size: int, permission: str
) -> None:
    s3.refuse("AccessDenied", 403, operation=operation)
    with running_on(tmp_path / "state", proxy.url, workers=1) as engine:
        async with on_screen(engine, tmp_path) as screen:
            engine.copy(write(tmp_path / "files" / "a", size), "s3://b/a")
            await screen.shows("FAILED", f"access is denied ({permission}: Acces")
            await screen.details(f"({permission}: AccessDenied: as told)", "Ask for the permission")
    assert s3.count(operation) == 1


@pytest.mark.fault(46)
async def test_a_denied_listing_says_which_permission_it_takes(
    s3: ScriptedS3, proxy: FaultProxy, tmp_path: Path
) -> None:
    s3.refuse("AccessDenied", 403, operation="ListObjectsV2")
    with running_on(tmp_path / "state", proxy.url) as engine:
        async with on_screen(engine, tmp_path) as screen:
            text = await screen.shows("Access denied", "s3:ListBucket")
            assert "Empty" not in text


@pytest.mark.fault(19)
async def test_a_dropped_upload_says_that_it_starts_again(
    s3: ScriptedS3, proxy: FaultProxy, tmp_path: Path
) -> None:
    with running_on(tmp_path / "state", proxy.url, workers=1) as engine:
        gate = half_sent(engine, proxy, tmp_path)
        async with on_screen(engine, tmp_path / "files") as screen:
            s3.forget_uploads()
            again = Gate()
            proxy.add(Rule(Stall(at=MIB, direction="up", gate=again), method="PUT", query=TAIL))
            gate.open()
            await screen.shows("WAIT", "retry 2/8 in 1s (partial upload drop")
            await screen.until(lambda text: " RUN " in text)
            await screen.details("the server dropped the partial upload")
            again.open()
            await screen.shows("DONE", "verified crc")
        assert [row.state.value for row in engine.manager.snapshot().rows] == ["done"]


@pytest.mark.parametrize("status", [200, 511])
@pytest.mark.fault(51)
async def test_a_captive_portal_is_not_an_empty_bucket(
    s3: ScriptedS3, proxy: FaultProxy, tmp_path: Path, status: int
) -> None:
    portal = proxy.add(Rule(captive_portal(status)))
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "here").touch()
    with running_on(tmp_path / "state", proxy.url) as engine:
        async with on_screen(engine, tmp_path / "files") as screen:
            text = await screen.shows("Not an S3 endpoint", "login page")
            assert "Empty" not in text
            proxy.remove(portal)
            s3.put("b", "there-it-is", b"x")
            await screen.press("tab", "R")
            await screen.shows("there-it-is")
