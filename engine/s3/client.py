"""The botocore client of the control plane: signed as the server's clock wants, never led elsewhere."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

import botocore
import botocore.session
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import NoCredentialsError
from botocore.handlers import BUILTIN_HANDLERS, add_expect_header

from engine.s3.replies import BoundedSession, ReplyRefused

if TYPE_CHECKING:
    from botocore.awsrequest import AWSRequest

    from engine.s3.endpoint import Endpoint

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 60.0
PATIENT_READ_TIMEOUT = 600.0
"""For what the server may take minutes to do: Complete and copies."""

_QUICK = 5.0
"""Seconds within which a reply tells the server's time."""

_POOL = 8
"""Connections kept: the browser's threads and a few jobs at once."""


def make_client(endpoint: Endpoint, *, read_timeout: float = READ_TIMEOUT) -> Any:
    """A client for one endpoint; costs tens of milliseconds. Safe from any thread once made.

    Raises:
        botocore.exceptions.BotoCoreError: The files or the region make no sense.
    """
    profile = endpoint.profile
    addressing = profile.addressing
    if addressing == "auto" and profile.endpoint_url is not None:
        addressing = "path"  # A name before a custom host seldom resolves.
    options: dict[str, Any] = {
        "signature_version": botocore.UNSIGNED if profile.unsigned else "s3v4",
        # Many servers refuse checksums they do not know: those that matter are sent on purpose.
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        "connect_timeout": CONNECT_TIMEOUT,
        "read_timeout": read_timeout,
        "retries": {"total_max_attempts": 1, "mode": "standard"},
        "tcp_keepalive": True,
        "max_pool_connections": _POOL,
        # The profile has decided; a variable set meanwhile must not lead elsewhere.
        "ignore_configured_endpoint_urls": True,
        "s3": {"addressing_style": addressing},
    }
    client: Any = _session(endpoint).create_client(
        "s3",
        region_name=endpoint.region,
        endpoint_url=profile.endpoint_url,
        verify=endpoint.ca_file(),
        config=Config(**options),
    )
    _Hooks(endpoint).attach(client)
    # There is no public way to bound what is read.
    client._endpoint.http_session = BoundedSession(client._endpoint.http_session)
    return client


def _session(endpoint: Endpoint) -> botocore.session.Session:
    # The profile has decided, not the variables that botocore would look at.
    session = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
    # One of the program's own settings need not be in the AWS files.
    if endpoint.profile.name in session.available_profiles:
        session.set_config_variable("profile", endpoint.profile.name)
    session.register_component("credential_provider", _Chain(endpoint))
    return session


class _Chain:
    """Where botocore asks for credentials: the endpoint has them for both planes."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def load_credentials(self) -> Credentials:
        return _EndpointCredentials(self._endpoint)


class _EndpointCredentials(Credentials):
    """Asks the endpoint at each signature, so that what it refreshed is used at once."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__("", "")
        self._endpoint = endpoint

    def get_frozen_credentials(self) -> Any:
        credentials = self._endpoint.credentials()
        if credentials is None:
            raise NoCredentialsError
        return credentials


class _SigningContext(dict[str, Any]):
    """A request's context in which the time of signing is the server's, not this machine's.

    botocore takes the time from the system and leaves no other way to correct it (boto3 #1252).
    """

    def __init__(self, context: MutableMapping[str, Any], timestamp: str) -> None:
        super().__init__(context)
        super().__setitem__("timestamp", timestamp)

    def __setitem__(self, name: str, value: Any) -> None:
        if name != "timestamp":
            super().__setitem__(name, value)


class _Hooks:
    """What is done to each request and reply of one client.

    `_sent` holds, for each thread by itself, the monotonic time of its newest request.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._sent = threading.local()

    def attach(self, client: Any) -> None:
        """To all calls of this client."""
        events = client.meta.events
        events.register("before-sign.s3", self._set_time)
        events.register("before-parse.s3.*", self._look_at_reply)
        # Only then botocore's own, which make a 500 of every success that they cannot read.
        for event, handler, *_ in BUILTIN_HANDLERS:
            if event == "before-parse.s3.*":
                events.unregister(event, handler)
                events.register_last(event, handler)
        events.register_last("before-parameter-build.s3", _stay_here)
        if self._endpoint.profile.request_payer:
            events.register("before-call.s3", _accept_the_bill)
        if self._endpoint.profile.endpoint_url is not None:
            events.register("before-call.s3.DeleteObjects", _only_md5)
        # Servers that never say "100 Continue" would cost a second for each request with a body.
        events.unregister("before-call.s3", add_expect_header)

    def _set_time(self, request: AWSRequest, **_: object) -> None:
        timestamp = self._endpoint.now().strftime("%Y%m%dT%H%M%SZ")
        request.context = _SigningContext(request.context, timestamp)
        self._sent.at = time.monotonic()

    def _look_at_reply(self, response_dict: dict[str, Any], **_: object) -> None:
        headers, status, body = response_dict["headers"], response_dict["status_code"], response_dict["body"]
        # What takes minutes is dated when it begins and read when it is over.
        is_quick = time.monotonic() - getattr(self._sent, "at", 0.0) < _QUICK
        if is_quick and (date := headers.get("date")):
            self._endpoint.observe_date(date)
        text = bytes(body[:512]).lstrip() if isinstance(body, (bytes, bytearray)) else b""
        request_id = headers.get("x-amz-request-id", "")
        if 300 <= status < 400 and status != 304:
            region = headers.get("x-amz-bucket-region") or _tag(body, b"Region")
            code = "wrong-region" if region else "redirected"
            detail = f"it is in {region}" if region else f"to {headers.get('location', 'elsewhere')}"
            raise ReplyRefused(code, detail, status, request_id, region)
        is_transient = status in (408, 429) or (status >= 500 and status != 511)
        if text and not is_transient and (_is_html(text) or (status == 200 and not text.startswith(b"<"))):
            raise ReplyRefused("not-s3", "a page came instead of an answer", status, request_id)
        if text and _may_grow(body):
            raise ReplyRefused("not-s3", "it is a document of another kind", status, request_id)


def _stay_here(context: dict[str, Any], **_: object) -> None:
    """Keep botocore from asking another host or region: it believes that it has done so already."""
    context["s3_redirect"] = {"redirected": True, "bucket": None, "params": {}}


def _accept_the_bill(params: dict[str, Any], **_: object) -> None:
    params["headers"]["x-amz-request-payer"] = "requester"


def _only_md5(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    """DeleteObjects needs a checksum, and this one every server knows (boto3 #4400)."""
    digest = hashlib.md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = base64.b64encode(digest).decode("ascii")
    context.pop("checksum", None)


def _may_grow(body: bytes | bytearray) -> bool:
    """It declares entities, which may grow without end, or is in an encoding that hides such."""
    return b"<!DOCTYPE" in body or body.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in body[:8]


def _is_html(text: bytes) -> bool:
    return text[:15].lower().startswith((b"<!doctype html", b"<html"))


def _tag(body: object, name: bytes) -> str:
    """The text of one plain element of an error's XML; empty if it is not there."""
    if not isinstance(body, (bytes, bytearray)):
        return ""
    _, found, rest = bytes(body[:4096]).partition(b"<" + name + b">")
    value = rest.partition(b"<")[0] if found else b""
    return value.decode("ascii", "replace") if len(value) <= 64 else ""
