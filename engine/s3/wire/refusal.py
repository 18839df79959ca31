"""What an answer means that is not the one hoped for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import Condition, Permanent, TransferError
from engine.s3.permissions import permission_to
from engine.s3.wire.errors import error_for, is_page, parse_error, with_profile
from engine.s3.wire.head import Head, retry_after
from engine.s3.wire.sign import Credentials

if TYPE_CHECKING:
    from engine.s3.endpoint import Endpoint
    from engine.s3.wire.exchange import Request

NOTABLE_SKEW = 240.0
"""Seconds. Servers allow 900 as a rule; less than this never explains a denial."""

_UNKNOWN_KEY = ("InvalidAccessKeyId", "InvalidClientTokenId")


def refusal(
    endpoint: Endpoint, request: Request, head: Head, body: bytes, credentials: Credentials | None
) -> TransferError:
    """The error to raise; the endpoint learns from it what time the server has.

    Args:
        body: As much of it as came; a HEAD's answer has none, so that only the headers tell.
        credentials: With which the request was signed.
    """
    status, headers = head.status, head.headers
    found = parse_error(body)
    code = found.code
    skew_before = endpoint.clock_offset or 0.0
    if status in (400, 403) and (date := headers.get("date")):
        endpoint.observe_date(date)
    region = headers.get("x-amz-bucket-region", "") or found.region
    if not code:
        moved = abs((endpoint.clock_offset or 0.0) - skew_before)
        if status == 403 and moved > NOTABLE_SKEW:
            code = "RequestTimeTooSkewed"
        elif status == 400 and region not in ("", endpoint.region):
            code = "AuthorizationHeaderMalformed"
        elif is_page(body) and 400 <= status < 500 and status not in (408, 429):
            return Permanent(
                "not-s3",
                operation=request.operation,
                subject=request.subject,
                detail=f"HTTP {status}: a page came instead of an answer",
                status=status,
            )
    error = error_for(
        code,
        status,
        message=found.message,
        operation=request.operation,
        subject=request.subject,
        connection_id=endpoint.id,
        request_id=found.request_id or headers.get("x-amz-request-id", ""),
        retry_after=retry_after(headers.get("retry-after")),
        skew=endpoint.clock_offset,
        region=region,
        permission=permission_to(request.method, request.key),
    )
    if code in _UNKNOWN_KEY and credentials is not None and credentials.token is not None:
        # Temporary keys that are not known any more have run out; not every server says so.
        return Condition(
            "credentials",
            ("endpoint", str(endpoint.id)),
            operation=error.operation,
            subject=error.subject,
            detail=with_profile(str(endpoint.id), error.detail),
            status=status,
            request_id=error.request_id,
        )
    return error
