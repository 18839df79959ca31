"""Who is talked to: only whom the user named, only if it proves who it is, and nobody it points to."""

from __future__ import annotations

import gc
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine import Location, ObjectRef, Problem, Profile, TransferState
from engine.errors import Permanent
from engine.s3.credentials import CredentialSource
from tests.engine.asking import listed
from tests.engine.queue.hostile import HostileS3
from tests.engine.queue.real import MIB, Engine, running_at, write
from tests.engine.s3.wire.authority import Authority, make_authority
from tests.engine.s3.wire.talk import Talk, serve, talking
from tests.servers.scripted import ScriptedS3
from tui.log import set_up

S = TransferState


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("tls"))


def secured(server: ScriptedS3, authority: Authority, which: str) -> str:
    """Have the server speak TLS; its URL."""
    context = getattr(authority, which)
    server._http.socket = context.wrap_socket(
        server._http.socket, server_side=True, do_handshake_on_connect=False
    )
    return server.url.replace("http://", "https://")


def problems(engine: Engine, tmp_path: Path) -> dict[str, Problem | None]:
    """What comes of both planes, both directions, and looking."""
    found: dict[str, Problem | None] = {}
    browser = engine.manager.browser
    for name, place in (("list", ObjectRef("b")), ("buckets", ObjectRef(""))):
        found[name] = listed(browser, browser.list(Location(place, engine.profile.connection_id))).problem
    for name, source, target in (
        ("put", write(tmp_path / "small", 10), "s3://b/small"),
        ("multipart", write(tmp_path / "large", 9 * MIB), "s3://b/large"),
        ("get", "s3://b/there", tmp_path / "back"),
    ):
        operation = engine.copy(source, target)
        engine.settled(operation)
        progress = engine.manager.operation(operation)
        rows = engine.manager.rows_of(operation, S.FAILED)
        found[name] = rows[0].problem if rows else progress.problem if progress is not None else None
    return found


# -- certificates ----------------------------------------------------------------------------------


@pytest.mark.fault(50)
@pytest.mark.parametrize(
    ("which", "trusts", "why"),
    [
        ("good", False, "self-signed|unable to get local issuer|verify failed"),
        ("for_another_host", True, "not valid for|match|mismatch"),
        ("expired", True, "expired"),
    ],
)
def test_a_server_that_cannot_prove_who_it_is_gets_no_request_at_all(
    authority: Authority, tmp_path: Path, which: str, trusts: bool, why: str
) -> None:

    with ScriptedS3("b") as s3:
        url = secured(s3, authority, which)
        ca_file = str(authority.ca_file) if trusts else None
        with running_at(url, tmp_path / "state", profile={"ca_file": ca_file}) as engine:
            for name, problem in problems(engine, tmp_path).items():
                assert problem is not None, name
                assert problem.code == "tls", (name, problem)
                assert re.search(why, problem.why, re.IGNORECASE), (name, problem)
                assert "ca_file" in problem.what_now
        assert s3.count() == 0
    assert not (tmp_path / "back").exists()


@pytest.mark.fault(50)
def test_with_the_ca_file_of_its_profile_it_is_trusted(authority: Authority, tmp_path: Path) -> None:
    with ScriptedS3("b") as s3:
        s3.put("b", "there", b"some bytes")
        url = secured(s3, authority, "good")
        with running_at(url, tmp_path / "state", profile={"ca_file": str(authority.ca_file)}) as engine:
            assert set(problems(engine, tmp_path).values()) == {None}
        assert s3.data("b", "large") == (tmp_path / "large").read_bytes()


# -- redirects -------------------------------------------------------------------------------------


@contextmanager
def trap() -> Iterator[tuple[str, list[bytes]]]:
    """A listener to which nobody should come, and what it has got."""
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        end = threading.Event()

        def accept() -> None:
            while not end.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    continue
                with connection:
                    connection.settimeout(1)
                    try:
                        got.append(connection.recv(4096))
                    except OSError:
                        got.append(b"")

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", got
        finally:
            end.set()
            thread.join(5)


@pytest.mark.fault(49)
@pytest.mark.filterwarnings("ignore:unclosed")  # urllib3 stumbles over a 303 and drops its connection
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_by_anything(tmp_path: Path, status: int) -> None:
    with trap() as (elsewhere, got), ScriptedS3("b") as s3:
        s3.switches.redirect_to, s3.switches.redirect_status = f"{elsewhere}/b/k", status
        with running_at(s3.url, tmp_path / "state") as engine:
            for name, problem in problems(engine, tmp_path).items():
                assert problem is not None, name
                assert problem.code in ("wrong-region", "redirected", "not-s3"), (name, problem)
                assert "eu-west-1" in problem.why or problem.code != "wrong-region", (name, problem)
        gc.collect()
        assert got == []


@pytest.mark.fault(49)
def test_a_bucket_elsewhere_names_its_region_and_the_host_stays_the_users(tmp_path: Path) -> None:
    with trap() as (elsewhere, got), HostileS3("b") as s3:
        s3.switches.redirect_to = elsewhere
        with running_at(s3.url, tmp_path / "state") as engine:
            problem = problems(engine, tmp_path)["put"]
        assert problem is not None
        assert problem.why == "the bucket is in another region (it is in eu-west-1)"
        assert "--region" in problem.what_now
        assert got == []


# -- the machine's own role ------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:unclosed")  # botocore's own client for it, which it never closes
def test_the_metadata_service_is_asked_for_aws_only_and_last(monkeypatch: pytest.MonkeyPatch) -> None:
    with trap() as (service, got):
        monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", service)
        with pytest.raises(Permanent) as caught:
            CredentialSource(Profile("default", "https://minio.example.net")).get()
        assert caught.value.code == "no-credentials"
        assert got == []
        with pytest.raises(Permanent):
            CredentialSource(Profile("default")).get()
        assert got, "for AWS it is the last place to look at"
        got.clear()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")
        CredentialSource(Profile("default")).get()
        assert got == []
        gc.collect()


# -- proxies ---------------------------------------------------------------------------------------


def test_the_proxy_of_the_environment_is_used_and_its_password_is_never_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unchanged_logging: None
) -> None:
    seen: list[str] = []

    def refuse(talk: Talk) -> None:
        seen.append(talk.line)
        if "content-length" in talk.headers:
            talk.body()
        talk.say("HTTP/1.1 407 Proxy Authentication Required", "Content-Length: 0")

    set_up(str(tmp_path / "log"))
    with talking(serve(refuse)) as proxy:
        password = "CANARYpassword"
        monkeypatch.setenv("http_proxy", f"http://user:{password}@127.0.0.1:{proxy.port}")
        where = "http://s3.invalid:9000"
        with running_at(where, tmp_path / "state", profile={"allow_http": True}, attempts=1) as engine:
            told = problems(engine, tmp_path)
            text = repr(told) + repr(engine.manager.snapshot())
    assert all(problem is not None for problem in told.values())
    assert {line.split()[1].startswith(where) for line in seen} == {True}
    assert password not in text
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        assert password.encode() not in path.read_bytes(), path
