"""One call of the control plane: at most one repetition, and whatever fails becomes an error of the engine."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    HTTPClientError,
    LoginError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ReadTimeoutError,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.exceptions import SSLError as BotoSSLError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError as Urllib3Error

from engine.errors import Condition, Permanent, Retryable, TransferError
from engine.s3.client import PATIENT_READ_TIMEOUT, READ_TIMEOUT, make_client
from engine.s3.permissions import permission_for
from engine.s3.replies import ReplyRefused
from engine.s3.wire.errors import error_for, network_error, with_profile

if TYPE_CHECKING:
    from engine.s3.endpoint import Endpoint

Reply = Mapping[str, Any]
"""As botocore parsed it; the headers, by lower-case name, are what `headers_of` gives."""

_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired")
_SKEWED = ("RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture")

_NOTABLE_SKEW = 240.0
"""Seconds. Servers allow 900 as a rule; less than this never explains a denial."""


class Caller:
    """Calls S3 through botocore for one endpoint. Safe from any thread.

    `_lock` guards `_clients`, by their read timeout, and is held while one is made.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        read_timeout: float = READ_TIMEOUT,
        patient_timeout: float = PATIENT_READ_TIMEOUT,
    ) -> None:
        self.endpoint, self.profile, self.id = endpoint, endpoint.profile, endpoint.id
        self._timeouts = (read_timeout, patient_timeout)
        self._clients: dict[float, Any] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close idle connections; what is under way ends by itself."""
        with self._lock:
            clients = list(self._clients.values())
            self._clients.clear()
        for client in clients:
            client.close()

    def client(self, *, patient: bool = False) -> Any:
        """botocore's client, made at its first use. Its exceptions are for `explained`."""
        timeout = self._timeouts[patient]
        with self._lock:
            if timeout not in self._clients:
                self._clients[timeout] = make_client(self.endpoint, read_timeout=timeout)
            return self._clients[timeout]

    def call(
        self,
        name: str,
        params: Mapping[str, Any],
        *,
        operation: str,
        subject: str,
        writes: bool = False,
        patient: bool = False,
        needs: Sequence[str] = (),
    ) -> Reply:
        """Make one call; after a repaired clock or fresh credentials once more.

        Args:
            name: botocore's method: ``head_object``.
            operation: For the words of an error, as `subject`.
            writes: It changes something, which a read-only profile refuses.
            patient: It may take the server minutes.
            needs: Of these members (``member.member``) at least one is in any true answer.

        Raises:
            TransferError: As `error_for` and `network_error` say; ``read-only``; ``not-s3``.
        """
        if writes:
            self.check_writable(operation, subject)
        try:
            reply = self._twice(name, params, self.client(patient=patient))
        except TransferError as error:
            error.operation, error.subject = error.operation or operation, error.subject or subject
            raise
        except RecursionError as error:
            # The parsers of botocore follow a document as deep as it goes.
            detail = "the answer is nested too deeply"
            raise Permanent("not-s3", operation=operation, subject=subject, detail=detail) from error
        except (ClientError, BotoCoreError, ReplyRefused, OSError, ValueError) as error:
            permission = permission_for(name, of_version="VersionId" in params)
            raise self.explained(error, operation, subject, permission) from error
        if needs and not any(_has(reply, member) for member in needs):
            raise Permanent("not-s3", operation=operation, subject=subject, detail="the answer is incomplete")
        return reply

    def _twice(self, name: str, params: Mapping[str, Any], client: Any) -> Reply:
        before = self.endpoint.clock_offset or 0.0
        method = getattr(client, name)
        try:
            reply: Reply = method(**params)
        except ClientError as error:
            if not self._healed(error, before):
                raise
            reply = method(**params)
        return reply

    def check_writable(self, operation: str, subject: str) -> None:
        """Refuse what a read-only profile must not do.

        Raises:
            Permanent: ``read-only``.
        """
        if self.profile.read_only:
            raise Permanent("read-only", operation=operation, subject=subject)

    def _healed(self, error: ClientError, before: float) -> bool:
        """The cause is gone: the clock was put right by the reply, or there are newer credentials."""
        code, status = code_of(error), status_of(error)
        if code in _EXPIRED:
            self.endpoint.reload_credentials()
            return True
        # A HEAD has no body that names the cause: a denial by a far-off clock is taken for skew.
        moved = abs((self.endpoint.clock_offset or 0.0) - before)
        return code in _SKEWED or (status == 403 and code in ("403", "") and moved > _NOTABLE_SKEW)

    # -- errors ------------------------------------------------------------------------------------

    def explained(
        self, error: Exception, operation: str, subject: str, permission: str = ""
    ) -> TransferError:
        """What an exception of botocore's means."""
        facts: dict[str, Any] = {"operation": operation, "subject": subject}
        if isinstance(error, ClientError):
            return self._refused(error, operation, subject, permission)
        if isinstance(error, ReplyRefused):
            facts |= {"detail": error.detail, "status": error.status, "request_id": error.request_id}
            return Permanent(error.code, **facts)
        if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
            return Permanent("no-credentials", **facts)
        if isinstance(error, (CredentialRetrievalError, SSOError, LoginError, TokenRetrievalError)):
            detail = with_profile(self.id, str(error))
            return Condition("credentials", ("endpoint", self.id), detail=detail, **facts)
        if isinstance(error, ResponseParserError):
            return Permanent("not-s3", detail="the answer cannot be read", **facts)
        if isinstance(error, ReadTimeoutError):
            return Retryable("stalled", **facts)
        if isinstance(error, UnicodeEncodeError):
            return Permanent("name-not-utf8", **facts)
        if isinstance(error, ConnectTimeoutError):
            return self._unreachable(TimeoutError(), operation, subject)
        if isinstance(error, BotoSSLError) and not isinstance(cause := _cause(error), ssl.SSLError):
            return Permanent("tls", detail=str(getattr(cause, "strerror", None) or cause), **facts)
        if type(error) is HTTPClientError and not isinstance(cause := _cause(error), OSError | Urllib3Error):
            # The client stumbled over the reply: urllib3 over a 303, say, that it would have followed.
            return Permanent("not-s3", detail=f"the answer makes no sense ({type(cause).__name__})", **facts)
        if isinstance(error, (BotoConnectionError, HTTPClientError, OSError)):
            return self._unreachable(_named(_cause(error), error), operation, subject)
        detail = str(error)
        if isinstance(error, ParamValidationError):
            detail = str(error.kwargs.get("report", detail))
        return Permanent("bad-request", detail=detail, **facts)

    def _unreachable(self, cause: BaseException, operation: str, subject: str) -> TransferError:
        return network_error(
            cause,
            operation=operation,
            subject=subject,
            connection_id=self.id,
            was_reached=self.endpoint.was_reached,
        )

    def _refused(self, error: ClientError, operation: str, subject: str, permission: str) -> TransferError:
        told: Mapping[str, Any] = error.response.get("Error", {})
        code, status, headers = code_of(error), status_of(error), headers_of(error.response)
        region = str(told.get("Region") or "") or headers.get("x-amz-bucket-region", "")
        if status == 400 and code == "400" and region not in ("", self.endpoint.region):
            # A HEAD that was signed for another region; there is no body that says so.
            code = "AuthorizationHeaderMalformed"
        return error_for(
            "" if code == str(status) else code,
            status,
            message=str(told.get("Message", "")),
            operation=operation,
            subject=subject,
            connection_id=self.id,
            request_id=headers.get("x-amz-request-id", ""),
            retry_after=_seconds(headers.get("retry-after", "")),
            skew=self.endpoint.clock_offset,
            region=region,
            permission=permission,
        )


def _has(reply: Mapping[str, Any], path: str) -> bool:
    first, _, rest = path.partition(".")
    return first in reply and (not rest or _has(reply[first], rest))


def code_of(error: ClientError) -> str:
    """The server's word for an error; the status as text where there was no body."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    """The HTTP status of an error; 500 for an error in a reply that began as a success."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def headers_of(reply: Mapping[str, Any]) -> Mapping[str, str]:
    """The headers of a reply, by lower-case name."""
    headers: Mapping[str, str] = reply.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return headers


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdecimal() else None


def _named(cause: BaseException, error: Exception) -> BaseException:
    """Where a host's name is not found, that name is told with it."""
    facts: Mapping[str, Any] = getattr(error, "kwargs", {})
    host = urlsplit(str(facts.get("proxy_url") or facts.get("endpoint_url") or "")).hostname
    if isinstance(cause, socket.gaierror) and host:
        return socket.gaierror(cause.errno, f"{host}: {cause.strerror}")
    return cause


def _cause(error: BaseException) -> BaseException:
    """The system's own exception below those of botocore and urllib3, if there is one."""
    seen: list[BaseException] = []
    queue: list[object] = [error]
    while queue:
        each = queue.pop(0)
        if not isinstance(each, BaseException) or each in seen or len(seen) > 20:
            continue
        if isinstance(each, OSError) and not type(each).__module__.startswith(("botocore", "requests")):
            return each
        seen.append(each)
        queue += [each.__cause__, each.__context__, *each.args, getattr(each, "kwargs", {}).get("error")]
        queue.append(getattr(each, "reason", None))
    return error
