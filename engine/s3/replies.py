"""Replies of the control plane, read to a limit: botocore would hold in memory whatever a server sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ConnectionClosedError, HTTPClientError, ReadTimeoutError
from urllib3.exceptions import HTTPError, ProtocolError
from urllib3.exceptions import ReadTimeoutError as SocketReadTimeout

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest

MOST_BYTES = 16 * 1024 * 1024
"""Of one reply. The longest honest one, ten thousand buckets, takes 2 MiB."""

_AT_ONCE = 64 * 1024


class ReplyRefused(Exception):
    """A reply that is no answer of S3, or leads elsewhere; becomes an error of the engine in `calls`."""

    def __init__(self, code: str, detail: str, status: int, request_id: str, region: str = "") -> None:
        super().__init__(detail)
        self.code, self.detail, self.status, self.request_id = code, detail, status, request_id
        self.region = region


class BoundedSession:
    """What botocore sends through: its own session, but that a reply is read only up to `MOST_BYTES`.

    Bodies that the caller reads by itself are passed on unread.
    """

    def __init__(self, session: Any) -> None:
        self._session = session

    def send(self, request: AWSPreparedRequest) -> Any:
        """As botocore's own.

        Raises:
            ReplyRefused: The reply does not end.
            botocore.exceptions.BotoCoreError: As botocore's own.
        """
        is_streamed: bool = request.stream_output
        request.stream_output = True  # Else botocore reads all of it.
        response = self._session.send(request)
        request.stream_output = is_streamed
        if not is_streamed:
            response._content = _read(response, request)
        return response

    def close(self) -> None:
        """Close idle connections."""
        self._session.close()


def _read(response: Any, request: AWSPreparedRequest) -> bytes:
    body = bytearray()
    try:
        for piece in response.raw.stream(_AT_ONCE):
            body += piece
            if len(body) > MOST_BYTES:
                response.raw.close()
                request_id = response.headers.get("x-amz-request-id", "")
                raise ReplyRefused("not-s3", "the reply does not end", response.status_code, request_id)
    except SocketReadTimeout as error:
        raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
    except ProtocolError as error:
        raise ConnectionClosedError(endpoint_url=request.url, error=error, request=request) from error
    except HTTPError as error:
        raise HTTPClientError(error=error) from error
    return bytes(body)
