"""Moments at which a program may be told to leave: something hangs, or takes its time."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.servers.faults import NoReply, Rule, s3_error
from tests.servers.proxy import FaultProxy
from tests.servers.seaweed import Seaweed
from tests.survival.program import MIB, Program
from tests.survival.test_kill import big_file

SIZE = 24 * MIB
PATIENCE = 30.0


@dataclass
class Scene:
    """A program to be started, and the moment at which it is told to leave."""

    program: Program
    files: Path
    """Holds the one file that goes up."""
    bucket: str
    wanted: str
    """Its SHA-256."""
    words: list[str] = field(default_factory=lambda: ["--rate-limit", "100M"])
    is_planned: bool = True
    """There is an item, and not only what was asked for."""
    is_ready: Callable[[], bool] = lambda: True
    begin: Callable[[], object] = lambda: None
    """Brings the moment about, once `is_ready`."""
    has_come: Callable[[], bool] = lambda: True
    heal: Callable[[], object] = lambda: None

    @property
    def source(self) -> str:
        return f"{self.files}/"

    @property
    def target(self) -> str:
        return f"s3://{self.bucket}/"

    def wait(self, meanwhile: Callable[[], object]) -> None:
        """Until the moment has come; `meanwhile` is called again and again, and raises if the program has ended."""
        for happens, then in ((self.is_ready, self.begin), (self.has_come, lambda: None)):
            end = time.monotonic() + PATIENCE
            while not happens():
                meanwhile()
                assert time.monotonic() < end, "the moment did not come"
                time.sleep(0.01)
            then()


def parts_under_way(proxy: FaultProxy) -> bool:
    return any(one.part_number and one.body_up for one in proxy.requests())


def is_connecting(port: int | None, besides: set[int]) -> bool:
    """A connection to a port of this machine is asked for and not answered (Linux only).

    Args:
        besides: Local ports of those that do not count.
    """
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, *_ = line.split()
        if remote == f"0100007F:{port:04X}" and state == "02" and int(local[-4:], 16) not in besides:
            return True
    return False


def sockets(scene: Scene, proxy: FaultProxy) -> Iterator[None]:
    """The line loses its far end in the middle of parts."""
    scene.words = ["--rate-limit", "4M"]
    scene.is_ready = lambda: parts_under_way(proxy)
    scene.begin, scene.heal = proxy.freeze, proxy.thaw
    yield


def connect(scene: Scene, proxy: FaultProxy) -> Iterator[None]:
    """Connections that nobody answers: the queue of those to be accepted is full."""
    address = ("127.0.0.1", urlsplit(proxy.url).port)
    proxy.go_down()
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(0)
        ours = set()
        for _ in range(4):
            filler = sockets.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(address)
            ours.add(filler.getsockname()[1])

        def heal() -> None:
            sockets.close()
            proxy.come_back()

        scene.heal, scene.is_planned = heal, False
        scene.has_come = lambda: is_connecting(address[1], ours)
        yield


def complete(scene: Scene, proxy: FaultProxy) -> Iterator[None]:
    """The answer to Complete does not come."""
    rule = proxy.add(Rule(NoReply("stall"), method="POST", query="uploadId="))
    scene.has_come, scene.heal = lambda: rule.fired > 0, proxy.remove_all
    yield


def listing(scene: Scene, proxy: FaultProxy) -> Iterator[None]:
    """The target is listed, and no answer comes."""
    rule = proxy.add(Rule(NoReply("stall"), method="GET", query="list-type=2"))
    scene.has_come, scene.heal = lambda: rule.fired > 0, proxy.remove_all
    scene.is_planned = False
    yield


def limit(scene: Scene, proxy: FaultProxy) -> Iterator[None]:
    """All workers wait for the rate limit."""
    scene.words = ["--rate-limit", "1K"]
    scene.has_come = lambda: bool(proxy.requests(method="POST", query="uploads"))
    yield


def retry(scene: Scene, proxy: FaultProxy) -> Iterator[None]:
    """The server asked for a minute of silence."""
    busy = s3_error("SlowDown", 503, retry_after="60")
    rule = proxy.add(Rule(busy, method="PUT", query="partNumber="))
    scene.has_come, scene.heal = lambda: rule.fired > 0, proxy.remove_all
    yield


def hindered(what: str, *, at_once: bool) -> Callable[[Scene, FaultProxy], Iterator[None]]:
    """A call of the system does not come back: from the start, or once parts are under way."""

    def hinder(scene: Scene, proxy: FaultProxy) -> Iterator[None]:
        when, reached = scene.program.home / "when", scene.program.home / "reached"
        scene.program.module = "tests.survival.hindered"
        scene.program.env |= {"HINDER": what, "HINDER_WHEN": str(when), "HINDER_REACHED": str(reached)}
        scene.words = ["--rate-limit", "20M"]
        scene.is_planned = not at_once
        if at_once:
            when.touch()
        else:
            scene.is_ready, scene.begin = (lambda: parts_under_way(proxy)), when.touch
        scene.has_come, scene.heal = reached.exists, when.unlink
        yield

    return hinder


def dns(scene: Scene, proxy: FaultProxy) -> Iterator[None]:
    """The name is asked for, and nobody says anything."""
    scene.program.env["AWS_ENDPOINT_URL"] = proxy.url.replace("127.0.0.1", "localhost")
    yield from hindered("dns", at_once=True)(scene, proxy)


SCENES: dict[str, Callable[[Scene, FaultProxy], Iterator[None]]] = {
    "sockets hang": sockets,
    "a connection hangs": connect,
    "a name hangs": dns,
    "Complete hangs": complete,
    "a listing hangs": listing,
    "a folder hangs": hindered("walk", at_once=True),
    "a file hangs": hindered("read", at_once=False),
    "a rate limit": limit,
    "a long wait": retry,
    "a sync hangs": hindered("sync", at_once=False),
    "a write hangs": hindered("write", at_once=False),
}


@contextmanager
def scene_of(name: str, seaweed: Seaweed, bucket: str, folder: Path) -> Iterator[Scene]:
    """Everything for it, before the program is started."""
    files = folder / "files"
    files.mkdir()
    wanted = big_file(files / "big", SIZE)
    with FaultProxy(seaweed.url) as proxy:
        scene = Scene(Program(seaweed, folder / "home", proxy.url), files, bucket, wanted)
        with contextmanager(SCENES[name])(scene, proxy):
            yield scene
