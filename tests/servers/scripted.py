"""An S3 server in memory, whose switches make it do what no real one does on demand.

    with ScriptedS3("bucket") as server:
        server.switches.forgotten_parts = {2}
        server.refuse("ExpiredToken", 400, operation="UploadPart", nth=(3,))
        upload(server.url)
        assert server.count("CreateMultipartUpload") == 1
        assert server.data("bucket", "key") == expected

It checks checksums, conditions, ranges and part lists as S3 does, but no signature. Keys are stored as they are
given: ``..``, ``//`` and ``\\`` are letters like any other.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Container, Mapping
from dataclasses import replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, unquote

from tests.servers import s3_xml
from tests.servers.s3_objects import Objects
from tests.servers.s3_request import Answer, Asked, decode_chunks, operation_of
from tests.servers.s3_store import S3Error, Store, StoredObject, Upload
from tests.servers.s3_switches import Refusal, Switches
from tests.servers.s3_uploads import Uploads
from tui.seaweed import S3Client, s3_client


class ScriptedS3:
    """The server, on a free port of 127.0.0.1, with a thread for each connection.

    Guarantees:
        The methods are safe from any thread; `store.lock` guards objects, uploads, refusals and the log.
    """

    def __init__(self, *buckets: str) -> None:
        self.store = Store()
        self.store.buckets.update({bucket: {} for bucket in buckets})
        self.switches = Switches()
        self.connections = 0
        """Accepted so far, those without a request too."""
        self._refusals: list[Refusal] = []
        self._asked: list[Asked] = []
        objects = Objects(self.store, self.switches)
        self._actions = {**objects.actions, **Uploads(self.store, self.switches, objects).actions}
        self._http = Listener(self)
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, name="scripted-s3", daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> ScriptedS3:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._thread.join(10)
        self._http.end_connections()
        self._http.server_close()

    def client(self) -> S3Client:
        """A boto3 client of this server, which the caller closes."""
        return s3_client(self.url, "AK", "SK")

    # What it is to do

    def refuse(
        self,
        code: str,
        status: int,
        *,
        operation: str | None = None,
        key: str | None = None,
        nth: int | Container[int] | None = None,
        times: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Refusal:
        """Answer with this error: always, for the nth fitting requests (from 1), or so many times."""
        chosen = (nth,) if isinstance(nth, int) else nth
        refusal = Refusal(code, status, operation, key, chosen, times, dict(headers or {}))
        with self.store.lock:
            self._refusals.append(refusal)
        return refusal

    def relent(self) -> None:
        """Forget all refusals."""
        with self.store.lock:
            self._refusals.clear()

    def put(self, bucket: str, key: str, data: bytes, **headers: str) -> str:
        """Store an object, past all switches. Underscores in names become dashes. Returns its ETag."""
        kept = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        asked = Asked("PutObject", "PUT", bucket, key, {}, kept, data)
        with self.store.lock:
            answer = self._actions["PutObject"](asked)
        return answer.headers["ETag"].strip('"')

    def change(self, bucket: str, key: str, **fields: Any) -> None:
        """Give a stored object other facts: `modified`, `etag`, `crc32` …"""
        with self.store.lock:
            self.store.keep(bucket, key, replace(self.store.find(bucket, key), **fields))

    def forget_uploads(self) -> None:
        """All upload ids are gone, as after a lifecycle rule."""
        with self.store.lock:
            self.store.uploads.clear()

    # What it has

    def object(self, bucket: str, key: str) -> StoredObject | None:
        with self.store.lock:
            return self.store.objects(bucket).get(key)

    def data(self, bucket: str, key: str) -> bytes | None:
        stored = self.object(bucket, key)
        return None if stored is None else stored.data

    def uploads(self) -> list[Upload]:
        with self.store.lock:
            return list(self.store.uploads.values())

    def requests(self, operation: str | None = None) -> list[Asked]:
        """All requests so far, or those for one operation, refused ones too."""
        with self.store.lock:
            return [asked for asked in self._asked if operation in (None, asked.operation)]

    def count(self, operation: str | None = None) -> int:
        return len(self.requests(operation))

    def answer(self, asked: Asked) -> Answer:
        """What a request gets; called by the connections' threads."""
        with self.store.lock:
            self._asked.append(replace(asked, body=b""))
            try:
                self._check(asked)
                action = self._actions.get(asked.operation)
                if action is None:
                    raise S3Error("NotImplemented", 501)
                return action(asked)
            except S3Error as error:
                headers = {"Content-Type": "application/xml", **error.headers}
                return Answer(error.status, s3_xml.error(error.code, error.message), headers)

    def _check(self, asked: Asked) -> None:
        switches = self.switches
        if switches.redirect_to:
            location = {"Location": switches.redirect_to, "x-amz-bucket-region": "eu-west-1"}
            raise S3Error("TemporaryRedirect", switches.redirect_status, headers=location)
        for refusal in self._refusals:
            if refusal.strikes(asked.operation, asked.key):
                raise S3Error(refusal.code, refusal.status, "as told", headers=refusal.headers)
        if switches.needs_authorization and not (
            "authorization" in asked.headers or "X-Amz-Signature" in asked.query
        ):
            raise S3Error("AccessDenied", 403, "Anonymous")
        names = [
            name for name in asked.headers if name.startswith(("x-amz-checksum-", "x-amz-sdk-checksum-"))
        ]
        if switches.refuses_checksums and any(name != "x-amz-checksum-mode" for name in names):
            raise S3Error("InvalidArgument", 400, f"Unsupported header {names[0]}")
        if switches.refuses_checksum_type and "x-amz-checksum-type" in names:
            raise S3Error("InvalidArgument", 400, "Unsupported header x-amz-checksum-type")


class Listener(ThreadingHTTPServer):
    """Accepts connections for a scripted server."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, scripted: ScriptedS3) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.scripted = scripted
        self._open: dict[Any, int] = {}
        """Sockets of open connections and their numbers; `_lock` guards."""
        self._lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self.scripted.connections += 1
            self._open[request] = self.scripted.connections
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def number_of(self, request: Any) -> int:
        with self._lock:
            return self._open.get(request, 0)

    def end_connections(self) -> None:
        """Shut down what clients keep open, so that its threads end."""
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(2)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""
        import sys

        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Reads requests of one connection and sends what the server answers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 60
    server: Listener

    def setup(self) -> None:
        super().setup()
        self._number = self.server.number_of(self.request)

    def handle_expect_100(self) -> bool:
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def serve(self) -> None:
        target, _, query_text = self.path.partition("?")
        bucket, _, key = target.removeprefix("/").partition("/")
        query = dict(parse_qsl(query_text, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        if "aws-chunked" in headers.get("content-encoding", "") or headers.get(
            "x-amz-content-sha256", ""
        ).startswith("STREAMING-"):
            body = decode_chunks(body, headers)
            headers.pop("content-encoding", None)
        key = unquote(key, errors="surrogateescape")
        operation = operation_of(self.command, bucket, key, query, headers)
        asked = Asked(operation, self.command, bucket, key, query, headers, body, self._number)
        self.send(self.server.scripted.answer(asked))

    def send(self, answer: Answer) -> None:
        ahead = self.server.scripted.switches.clock_ahead
        self.send_response_only(answer.status)
        self.send_header("Date", formatdate(time.time() + ahead, usegmt=True))
        self.send_header("x-amz-request-id", "0123456789ABCDEF")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = serve

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the screen."""
