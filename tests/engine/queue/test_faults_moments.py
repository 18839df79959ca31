"""Faults of a moment: credentials that expire, clocks that are wrong, kills and cancels between two steps."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import TransferState, Verified
from engine.pace.cancel import CancelToken
from engine.pace.clock import SystemClock
from engine.queue import blockade
from tests.engine.queue.hostile import HostileS3
from tests.engine.queue.real import MIB, Engine, running_at, write
from tests.servers.s3_request import Answer, Asked
from tests.servers.seaweed import Seaweed
from tests.survival.program import Program, kill
from tui.log import set_up

S = TransferState
XML = b'<?xml version="1.0" encoding="UTF-8"?>\n'


@pytest.fixture
def s3() -> Iterator[HostileS3]:
    server = HostileS3("b")
    with server:
        yield server


@pytest.fixture
def engine(s3: HostileS3, tmp_path: Path) -> Iterator[Engine]:
    with running_at(s3.url, tmp_path / "state", workers=4) as engine:
        yield engine


def error(code: str, status: int, **headers: str) -> Answer:
    body = XML + f"<Error><Code>{code}</Code><Message>as told</Message></Error>".encode()
    return Answer(status, body, headers)


# -- credentials and clocks ------------------------------------------------------------------------


def sign_in(home: Path, key: str) -> None:
    """New keys for the profile "work", as a sign-in writes them."""
    path = home / ".aws" / "credentials"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"[work]\naws_access_key_id = {key}\naws_secret_access_key = S\naws_session_token = T\n")


@pytest.mark.fault(45)
@pytest.mark.parametrize(("code", "status"), [("ExpiredToken", 400), ("InvalidAccessKeyId", 403)])
def test_credentials_that_expire_on_the_way_are_waited_for_by_name_and_the_same_upload_goes_on(
    s3: HostileS3,
    tmp_path: Path,
    nobodys_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    status: int,
) -> None:
    monkeypatch.setattr("engine.s3.credentials._RELOAD_SECONDS", 0.0)
    monkeypatch.setitem(blockade._DELAYS, "credentials", (0.1, 0.2))
    sign_in(nobodys_home, "OLDKEY")
    expired = threading.Event()

    def part(asked: Asked) -> Answer | None:
        if asked.query["partNumber"] == "3":
            expired.set()
        is_old = "Credential=OLDKEY/" in asked.headers["authorization"]
        return error(code, status) if is_old and expired.is_set() else None

    s3.instead["UploadPart"] = part
    with running_at(s3.url, tmp_path / "state", workers=1, profile={"name": "work"}) as engine:
        operation = engine.copy(write(tmp_path / "a", 40 * MIB), "s3://b/a")
        waiting = engine.until(lambda: (w := engine.row("/a").waiting) and w.reason == "credentials" and w)
        assert waiting.text.startswith("work: ")
        assert engine.row("/a").parts_done == 2
        sign_in(nobodys_home, "NEWKEY")
        engine.settled(operation)
        row = engine.row("/a")
        assert (row.state, row.verified) == (S.DONE, Verified.CRC)
    assert s3.count("CreateMultipartUpload") == 1
    done = [asked.query["partNumber"] for asked in s3.requests("UploadPart")]
    assert [done.count(number) for number in "12"] == [1, 1], "confirmed parts were sent again"
    assert s3.data("b", "a") == (tmp_path / "a").read_bytes()


@pytest.mark.fault(47)
def test_a_clock_that_is_wrong_is_told_by_how_much_and_put_right_where_the_server_lets_it(
    engine: Engine, s3: HostileS3, tmp_path: Path
) -> None:
    s3.switches.clock_ahead = 1260.0
    s3.refuse("RequestTimeTooSkewed", 403, operation="PutObject", key="healed", times=1)
    s3.refuse("RequestTimeTooSkewed", 403, operation="PutObject", key="never")
    engine.settled(engine.copy(write(tmp_path / "healed", 10), "s3://b/healed"))
    assert engine.state("/healed") is S.DONE
    engine.copy(write(tmp_path / "never", 10), "s3://b/never")
    waiting = engine.until(lambda: (w := engine.row("/never").waiting) and w.reason == "clock" and w)
    assert waiting.text == "21 min slow"
    assert len([asked for asked in s3.requests("PutObject") if asked.key == "never"]) <= 2


class JumpingClock(SystemClock):
    """A wall clock that somebody sets again and again, by a day to and fro."""

    jumps = 0

    def wall(self) -> float:
        self.jumps += 1
        return super().wall() + (86_400.0 if self.jumps % 2 else -86_400.0)


@pytest.mark.fault(48)
def test_a_wall_clock_that_jumps_changes_nothing(s3: HostileS3, tmp_path: Path) -> None:
    clock = JumpingClock()
    s3.refuse("InternalError", 500, operation="UploadPart", nth=(2,))
    with running_at(s3.url, tmp_path / "state", clock=clock, upload_limit=60 * MIB) as engine:
        operation = engine.copy(write(tmp_path / "a", 40 * MIB), "s3://b/a")
        etas = []
        while engine.manager.operation(operation) is not None:
            row = engine.until(lambda: engine.row("/a"))
            etas.append(row.eta)
            assert 0.0 <= row.elapsed < 60.0
            assert row.waiting is None or row.waiting.seconds_left < 60.0
            if row.state is S.DONE:
                break
            engine.manager.wait(0.05)
        assert all(eta is None or 0.0 <= eta < 60.0 for eta in etas)
        back = engine.do(engine.copy("s3://b/a", tmp_path / "back"))
        assert back[-1].state is S.DONE
    assert clock.jumps > 2
    assert (tmp_path / "back").read_bytes() == (tmp_path / "a").read_bytes()


# -- limits ----------------------------------------------------------------------------------------


@pytest.mark.fault(55)
def test_a_file_of_a_tebibyte_is_cut_into_no_more_parts_than_s3_takes(
    engine: Engine, s3: HostileS3, tmp_path: Path
) -> None:
    size = 1 << 40
    with (tmp_path / "sparse").open("wb") as file:
        try:
            file.truncate(size)
        except OSError as error:
            pytest.skip(f"no file of that size here: {error.strerror}")
    engine.manager.set_limits(1, None)
    engine.copy(tmp_path / "sparse", "s3://b/a")
    row = engine.until(lambda: (row := engine.row("/sparse")) and row.parts > 1 and row)
    detail = engine.manager.detail(row.id)
    assert detail is not None
    assert row.parts <= 10_000
    assert detail.part_size * row.parts >= size
    assert detail.part_size >= 5 * MIB
    assert row.problem is None


# -- between two steps -----------------------------------------------------------------------------


@pytest.mark.fault(58)
def test_an_upload_begun_just_before_a_kill_is_adopted_by_the_next_run(
    s3: HostileS3, seaweed: Seaweed, tmp_path: Path
) -> None:
    program = Program(seaweed, tmp_path / "home", s3.url)
    write(tmp_path / "home" / "a", 20 * MIB)
    with s3.holding("CreateMultipartUpload") as held:
        process = program.start("cp", "a", "s3://b/a")
        assert held.reached.wait(30)
        kill(process)
    assert len(s3.uploads()) == 1
    upload = s3.uploads()[0].id
    ran = program.run("run")
    assert ran.returncode == 0, ran.stderr
    assert {asked.query["uploadId"] for asked in s3.requests("UploadPart")} == {upload}
    assert s3.count("CreateMultipartUpload") == 1
    assert s3.uploads() == []
    assert s3.data("b", "a") == (tmp_path / "home" / "a").read_bytes()


@pytest.mark.fault(58)
def test_an_upload_of_somebody_else_on_the_same_key_is_neither_used_nor_aborted(
    s3: HostileS3, seaweed: Seaweed, tmp_path: Path
) -> None:
    program = Program(seaweed, tmp_path / "home", s3.url)
    write(tmp_path / "home" / "a", 20 * MIB)
    theirs = s3.client().create_multipart_upload(Bucket="b", Key="a")["UploadId"]
    with s3.holding("CreateMultipartUpload") as held:
        process = program.start("cp", "a", "s3://b/a")
        assert held.reached.wait(30)
        kill(process)
    ran = program.run("run")
    assert ran.returncode == 0, ran.stderr
    assert theirs in {upload.id for upload in s3.uploads()}
    assert theirs not in {asked.query["uploadId"] for asked in s3.requests("UploadPart")}
    assert theirs not in {asked.query["uploadId"] for asked in s3.requests("AbortMultipartUpload")}
    assert s3.data("b", "a") == (tmp_path / "home" / "a").read_bytes()


@pytest.mark.fault(59)
def test_a_cancel_while_the_upload_is_begun_leaves_nothing_on_the_server(
    engine: Engine, s3: HostileS3, tmp_path: Path
) -> None:
    with s3.holding("CreateMultipartUpload") as held:
        engine.copy(write(tmp_path / "a", 20 * MIB), "s3://b/a")
        assert held.reached.wait(30)
        engine.manager.cancel(engine.row("/a").id)
        engine.until(lambda: engine.state("/a") is S.CANCELLED)
    engine.until(lambda: not s3.uploads())
    assert s3.data("b", "a") is None
    assert s3.count("UploadPart") == 0


@pytest.mark.fault(59)
def test_a_cancel_after_complete_was_sent_comes_too_late_and_the_item_says_that_it_is_done(
    engine: Engine, s3: HostileS3, tmp_path: Path
) -> None:
    with s3.holding("CompleteMultipartUpload") as held:
        operation = engine.copy(write(tmp_path / "a", 20 * MIB), "s3://b/a")
        assert held.reached.wait(30)
        engine.manager.cancel(engine.row("/a").id)
        assert engine.state("/a") is S.FINISHING
    engine.settled(operation)
    assert engine.state("/a") is S.DONE
    assert engine.row("/a").verified is Verified.CRC
    assert s3.data("b", "a") == (tmp_path / "a").read_bytes()
    assert s3.count("AbortMultipartUpload") == 0


@pytest.mark.fault(59)
def test_a_cancel_whose_complete_turns_out_to_have_failed_is_a_cancel(
    engine: Engine, s3: HostileS3, tmp_path: Path
) -> None:
    s3.always(error("InternalError", 500), "CompleteMultipartUpload")
    with s3.holding("CompleteMultipartUpload") as held:
        engine.copy(write(tmp_path / "a", 20 * MIB), "s3://b/a")
        assert held.reached.wait(30)
        engine.manager.cancel(engine.row("/a").id)
    engine.until(lambda: engine.state("/a") is S.CANCELLED)
    engine.until(lambda: not s3.uploads())
    assert s3.data("b", "a") is None


@pytest.mark.fault(59)
def test_a_cancel_while_it_waits_for_another_try_is_obeyed_at_once(
    engine: Engine, s3: HostileS3, tmp_path: Path
) -> None:
    s3.refuse("SlowDown", 503, operation="UploadPart", headers={"Retry-After": "600"})
    engine.copy(write(tmp_path / "a", 20 * MIB), "s3://b/a")
    engine.until(lambda: (w := engine.row("/a").waiting) and w.seconds_left > 100)
    engine.manager.cancel(engine.row("/a").id)
    engine.until(lambda: engine.state("/a") is S.CANCELLED)
    engine.until(lambda: not s3.uploads())
    before = s3.count("UploadPart")
    engine.settled(engine.copy(write(tmp_path / "z", 9), "s3://b/z"))
    assert s3.count("UploadPart") == before


# -- readers and workers ---------------------------------------------------------------------------


@pytest.mark.fault(61)
def test_a_screen_that_never_looks_holds_up_nothing(s3: HostileS3, tmp_path: Path) -> None:
    for number in range(300):
        write(tmp_path / "in" / f"{number:04}", 10, number)
    with running_at(s3.url, tmp_path / "state") as engine:
        engine.copy(f"{tmp_path}/in/", "s3://b/in/")
        token = CancelToken()
        for _ in range(1200):
            if s3.count("PutObject") >= 300 or token.wait(0.05):
                break
        assert s3.count("PutObject") == 300
        engine.until(lambda: engine.manager.is_settled)
        assert len(engine.manager.snapshot(0, 10).rows) == 10, "more was built than is seen"


@pytest.mark.fault(62)
def test_an_unexpected_exception_fails_one_item_and_is_in_the_log_without_secrets(
    engine: Engine,
    s3: HostileS3,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    unchanged_logging: None,
) -> None:
    from engine.s3.wire.client import Wire

    real = Wire.put_object

    def odd(self: Wire, ref: object, *rest: object, **more: object) -> object:
        if str(ref).endswith("/odd"):
            raise ZeroDivisionError("aws_secret_access_key=CANARYSECRET")
        return real(self, ref, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Wire, "put_object", odd)
    set_up(str(tmp_path / "log"))
    names = ["odd", *(f"k{n}" for n in range(6))]
    files = [write(tmp_path / name, 10) for name in names]
    engine.settled(engine.copy(files, "s3://b/"))
    row = engine.row("/odd")
    assert row.state is S.FAILED
    assert row.problem is not None
    assert row.problem.why == "an internal error (ZeroDivisionError)"
    assert "log file" in row.problem.what_now
    assert [engine.state(f"/k{n}") for n in range(6)] == [S.DONE] * 6
    text = (tmp_path / "log").read_text()
    assert "Traceback" in text
    assert "ZeroDivisionError" in text
    assert "CANARYSECRET" not in text
