"""Clocks that are wrong and credentials that run out, as requests find out."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import formatdate

import pytest

from engine.errors import Condition, Permanent, Retryable
from engine.pace.cancel import CancelToken
from engine.s3.wire import Wire
from tests.engine.s3.wire.asking import REF, get, put
from tests.engine.s3.wire.conftest import Start
from tests.engine.s3.wire.talk import Script, Talk, TalkServer, serve


def refuses(code: str, *, status: str = "403 Forbidden", ahead: float = 0.0, body: bool = True) -> Script:
    """An answer that says no, with a clock that is ahead."""

    def answer(talk: Talk) -> None:
        if talk.line.startswith("PUT"):
            talk.body()
        date = f"Date: {formatdate(time.time() + ahead, usegmt=True)}"
        text = f"<Error><Code>{code}</Code><Message>m</Message></Error>".encode()
        if body:
            talk.reply(status, date, body=text)
        else:
            talk.say(f"HTTP/1.1 {status}", date, "Content-Length: 0")

    return answer


def accepts(talk: Talk) -> None:
    if talk.line.startswith("PUT"):
        talk.body()
    talk.reply(body=b"" if talk.line.startswith("PUT") else b"body")


def in_turn(
    start: Start, *answers: Script, **settings: object
) -> tuple[Wire, TalkServer, list[dict[str, str]]]:
    turn, heads = list(answers), []

    def answer(talk: Talk) -> None:
        heads.append(dict(talk.headers))
        (turn.pop(0) if len(turn) > 1 else turn[0])(talk)

    wire, server = start(serve(answer), **settings)
    return wire, server, heads


def signed_at(headers: dict[str, str]) -> float:
    text = headers["x-amz-date"]
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize("hours", [-7, 2])
def test_request_is_signed_again_with_the_servers_time(start: Start, hours: int) -> None:
    wire, _, heads = in_turn(start, refuses("RequestTimeTooSkewed", ahead=hours * 3600), accepts)
    put(wire)
    assert get(wire) == b"body"
    offsets = [round((signed_at(head) - time.time()) / 3600) for head in heads]
    assert offsets == [0, hours, hours]


@pytest.mark.fault(47)
def test_clock_that_cannot_be_put_right_is_a_condition_after_two_attempts(start: Start) -> None:
    wire, _, heads = in_turn(start, refuses("RequestTimeTooSkewed", ahead=7200))
    with pytest.raises(Condition) as caught:
        get(wire)
    assert caught.value.code == "clock-skew"
    assert caught.value.detail == "2 h slow"
    assert len(heads) == 2


def test_head_that_is_denied_by_a_far_off_clock_is_asked_again(start: Start, token: CancelToken) -> None:
    wire, _, heads = in_turn(start, refuses("", ahead=7200, body=False), accepts)
    wire.head_object(REF, token=token)
    assert len(heads) == 2


def test_head_that_is_denied_is_asked_once(start: Start, token: CancelToken) -> None:
    wire, _, heads = in_turn(start, refuses("", ahead=30, body=False))
    with pytest.raises(Permanent) as caught:
        wire.head_object(REF, token=token)
    assert (caught.value.code, len(heads)) == ("access-denied", 1)


def test_request_that_took_too_long_is_tried_again_later(start: Start) -> None:
    wire, _, _ = in_turn(start, refuses("RequestTimeTooSkewed"))
    with pytest.raises(Retryable) as caught:
        get(wire)
    assert caught.value.code == "request-timeout"


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidToken", "TokenRefreshRequired"])
def test_expired_credentials_are_a_condition_of_the_endpoint(start: Start, code: str) -> None:
    wire, server, heads = in_turn(start, refuses(code, status="400 Bad Request"))
    with pytest.raises(Condition) as caught:
        get(wire)
    assert (caught.value.code, caught.value.scope) == ("credentials", ("endpoint", f"default@{server.url}"))
    assert len(heads) == 1


@pytest.mark.fault(45)
def test_credentials_that_were_renewed_meanwhile_are_used_at_once(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.s3.credentials._RELOAD_SECONDS", -1.0)
    wire, _, heads = in_turn(start, accepts, refuses("ExpiredToken", status="400 Bad Request"), accepts)
    put(wire)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAFRESH")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "fresh-token")
    put(wire)
    used = [head["authorization"].partition("Credential=")[2].partition("/")[0] for head in heads]
    assert used == ["AKIATEST", "AKIATEST", "AKIAFRESH"]
    assert heads[-1]["x-amz-security-token"] == "fresh-token"


def test_unknown_key_has_expired_only_where_it_was_temporary(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire, _, _ = in_turn(start, refuses("InvalidAccessKeyId"))
    with pytest.raises(Permanent) as caught:
        get(wire)
    assert caught.value.code == "wrong-key"
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t")
    wire, _, _ = in_turn(start, refuses("InvalidAccessKeyId"))
    with pytest.raises(Condition) as condition:
        get(wire)
    assert condition.value.code == "credentials"


def test_unsigned_profile_sends_no_signature(start: Start) -> None:
    wire, _, heads = in_turn(start, accepts, unsigned=True)
    put(wire)
    assert not [name for name in heads[0] if name.startswith("x-amz-") or name == "authorization"]


def test_without_credentials_nothing_is_sent(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    wire, _, heads = in_turn(start, accepts)
    with pytest.raises(Permanent) as caught:
        get(wire, token=CancelToken())
    assert caught.value.code == "no-credentials"
    assert heads == []


def test_head_of_a_bucket_elsewhere_names_its_region(start: Start, token: CancelToken) -> None:
    def elsewhere(talk: Talk) -> None:
        talk.say("HTTP/1.1 400 Bad Request", "x-amz-bucket-region: eu-west-1", "Content-Length: 0")

    wire, _, _ = in_turn(start, elsewhere)
    with pytest.raises(Permanent) as caught:
        wire.head_object(REF, token=token)
    assert (caught.value.code, caught.value.detail) == ("wrong-region", "it is in eu-west-1")
