"""Everything that can go wrong, by what happens next.

* EngineError
  + UsageError                a request that makes no sense; nothing was queued
  + StateError                the saved queue
    - StateLocked             another process owns it
    - StateDamaged            it cannot be read; it is never treated as empty
    - StateTooNew             a newer program wrote it
    - StateUnsafe             its folder is not private or not ours
  + Interrupted               a token was cancelled: pause, cancel, quit. Not a failure
  + TransferError             something failed while moving; has a `code`
    x Retryable               the same part is tried again after a delay, a bounded number of times
    x Condition               heals by itself or from outside: wait, without counting attempts
    x NeedsAnswer             only the user can decide
    x Permanent               trying again cannot help; the item fails, the queue goes on

`explain` turns any exception into a `Problem` that a person can act on. What a code means, and what
to do about it, stands once: in `_ADVICE`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.model import Facts


@dataclass(frozen=True, slots=True)
class Problem:
    """A failure in words: what failed on which object, why, and what to do now."""

    what: str
    why: str
    what_now: str
    retryable: bool
    code: str = ""
    request_id: str = ""

    def to_json(self) -> dict[str, Any]:
        """The ``problem`` object of ``status --json``."""
        return {
            "what": self.what,
            "why": self.why,
            "what_now": self.what_now,
            "retryable": self.retryable,
        }

    def __str__(self) -> str:
        return ". ".join(text for text in (f"{self.what}: {self.why}", self.what_now) if text)


class EngineError(Exception):
    """Root of everything the engine raises on purpose."""


class UsageError(EngineError):
    """The request makes no sense as it stands; nothing was queued."""


class StateError(EngineError):
    """The saved queue cannot be used."""


class StateLocked(StateError):
    """Another process owns the state folder."""

    def __init__(self, state_dir: str, host: str, pid: int) -> None:
        self.state_dir, self.host, self.pid = state_dir, host, pid
        super().__init__(f"the queue in {state_dir} is in use by process {pid} on {host}")


class StateDamaged(StateError):
    """The saved queue cannot be read; nothing was changed."""


class StateTooNew(StateError):
    """The saved queue was written by a newer program; nothing was changed."""


class StateUnsafe(StateError):
    """The state folder is a link, not ours, or open to others."""


class Interrupted(EngineError):
    """The work was told to stop (pause, cancel, quit). Never shown, never counted."""


class TransferError(EngineError):
    """Something failed while moving one item.

    Args:
        code: A key of `_ADVICE`, which decides the words.
        operation: What was being done, as a verb phrase: ``upload part 7``.
        subject: The object or file it was done to, raw.
        detail: The cause in the words of the server or the system; raw, made safe when shown.
        status: HTTP status, or 0.
        request_id: The server's, for its support.
        retry_after: Seconds the server asked to wait, or ``None``.
    """

    code = "internal"

    def __init__(
        self,
        code: str | None = None,
        *,
        operation: str = "",
        subject: str = "",
        detail: str = "",
        status: int = 0,
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        self.code = code or type(self).code
        self.operation, self.subject, self.detail = operation, subject, detail
        self.status, self.request_id, self.retry_after = status, request_id, retry_after
        super().__init__(f"{operation} {subject}: {detail or self.code}")


class Retryable(TransferError):
    """Try the same part again after a delay. Codes: connection-lost stalled truncated server-error
    slow-down bad-digest bad-reply request-timeout part-changed short-of-resources; and, where the
    item has to be looked at from its beginning, upload-gone object-changed. A server's slow-down is
    waited out however often it comes."""

    code = "connection-lost"


class Condition(TransferError):
    """Nothing is wrong with the item; wait until it heals. Codes: offline credentials disk-full
    clock-skew state-unsaved restoring.

    `scope` says for whom: ``("endpoint", connection id)`` or ``("disk", device number)``; everything
    in that scope waits, and one piece of work probes whether it is over. With `alone` only this one
    has met it: what is under way there goes on.
    """

    code = "offline"

    def __init__(self, code: str, scope: tuple[str, str], *, alone: bool = False, **facts: Any) -> None:
        super().__init__(code, **facts)
        self.scope, self.alone = scope, alone


class NeedsAnswer(TransferError):
    """Only the user can decide; the item becomes ATTENTION. Codes: target-exists source-changed
    object-changed unclear-result needs-profile plain-http archived."""

    code = "target-exists"

    def __init__(
        self,
        code: str,
        *,
        source: Facts | None = None,
        target: Facts | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(code, **facts)
        self.source, self.target = source, target


class Permanent(TransferError):
    """Trying again as it stands cannot help."""


REFUSALS = (
    "unsafe-name",
    "name-too-long",
    "name-not-utf8",
    "key-too-long",
    "not-a-file",
    "symlink-outside",
    "symlink-folder",
    "local-denied",
    "disk-error",
    "name-collision",
    "too-large",
)
"""Codes with which the planner marks an item that cannot be done; named, never dropped."""

_RETRY_NOW = "It is tried again by itself; press r to try now."

_ADVICE: dict[str, tuple[str, str, bool]] = {
    # code: (why, what now, retryable by the user)
    "connection-lost": ("the connection was lost", _RETRY_NOW, True),
    "stalled": ("no data moved for too long", _RETRY_NOW, True),
    "request-timeout": ("the server gave up waiting", _RETRY_NOW, True),
    "truncated": ("the reply ended too early", _RETRY_NOW, True),
    "server-error": ("the server failed", _RETRY_NOW, True),
    "slow-down": ("the server is busy", "It goes on by itself, more slowly; press r to try now.", True),
    "bad-digest": ("the bytes were damaged on the way", _RETRY_NOW, True),
    "bad-reply": (
        "the reply is not what S3 sends",
        "Check the endpoint URL and any proxy between here and there.",
        True,
    ),
    "part-changed": ("a part on the server differs from ours", _RETRY_NOW, True),
    "upload-gone": (
        "the server dropped the partial upload",
        "Retry starts it again from the first part.",
        True,
    ),
    "offline": ("the endpoint cannot be reached", "It goes on when the network is back.", True),
    "unknown-host": (
        "the endpoint's host name does not exist",
        "Check --endpoint-url, AWS_ENDPOINT_URL and the region.",
        True,
    ),
    "credentials": (
        "the credentials have expired",
        "Sign in again (for SSO: aws sso login); it then goes on by itself.",
        True,
    ),
    "disk-full": ("the disk is full", "Free some space; it then goes on by itself.", True),
    "file-too-big": ("the file system cannot hold a file of this size", "Choose another target.", True),
    "part-file-gone": ("its unfinished file was moved or removed", "Retry fetches it again.", True),
    "short-of-resources": ("this machine is short of open files or memory", _RETRY_NOW, True),
    "quota": ("the disk quota is used up", "Free some space, then retry.", True),
    "clock-skew": (
        "this machine's clock is too far off",
        "Set the clock (timedatectl, ntp), then retry.",
        True,
    ),
    "target-exists": ("the target already exists", "Choose what to do with it.", True),
    "source-changed": (
        "the source changed while it was being read",
        "Restart it to send the new content, or cancel.",
        True,
    ),
    "object-changed": (
        "the object changed on the server while it was being read",
        "Restart it to get the new content, or cancel.",
        True,
    ),
    "unclear-result": (
        "the server holds another object than the one sent",
        "Look at it; restart overwrites it.",
        True,
    ),
    "needs-profile": (
        "its profile or endpoint is not at hand",
        "Start s3tui with the same --profile and --endpoint-url.",
        True,
    ),
    "plain-http": (
        "its endpoint is http:// on another machine: keys' signatures and data could be read on the way",
        "Use https://, or accept it: --allow-http, or allow_http = true for the endpoint in config.toml.",
        True,
    ),
    "no-credentials": (
        "no credentials were found",
        "Set AWS_PROFILE or AWS_ACCESS_KEY_ID, run aws configure, or use --no-sign-request.",
        True,
    ),
    "wrong-key": ("the server does not know this access key", "Check the profile's access key.", True),
    "wrong-secret": (
        "the signature does not match",
        "Check the profile's secret key, and that the endpoint speaks signature version 4.",
        True,
    ),
    "access-denied": (
        "access is denied",
        "Ask for the permission, or use another profile; --request-payer where the requester pays.",
        True,
    ),
    "no-such-bucket": ("the bucket does not exist", "Check the name and the endpoint.", True),
    "bucket-not-empty": (
        "the bucket is not empty",
        "Delete what is in it first: V shows versions and delete markers, U unfinished uploads.",
        True,
    ),
    "no-such-key": ("the object does not exist (any more)", "Refresh the listing.", True),
    "wrong-region": (
        "the bucket is in another region",
        "Start with --region set to the bucket's region.",
        True,
    ),
    "redirected": (
        "the server sent a redirect, which is never followed",
        "Check the endpoint URL and the region.",
        True,
    ),
    "not-s3": (
        "the endpoint does not answer like S3",
        "Check the endpoint URL: a login page or a web server may be in the way.",
        True,
    ),
    "tls": (
        "the server's certificate is not trusted",
        "Give the CA file (AWS_CA_BUNDLE, or ca_file of the endpoint); it is never ignored.",
        True,
    ),
    "archived": ("the object is archived", "Restore it first (its storage class is cold).", True),
    "restoring": (
        "it is being restored from its archive",
        "It is fetched by itself once it can be read.",
        True,
    ),
    "customer-key": (
        "the object is encrypted with a customer's own key (SSE-C)",
        "s3tui never asks for such keys: fetch it with the tool that has the key.",
        False,
    ),
    "not-supported": ("the server does not support this", "", False),
    "bad-request": ("the server refused the request", "", True),
    "precondition": ("the target changed at the same time", "Retry to look again.", True),
    "checksum-mismatch": (
        "the bytes that arrived are not the bytes that are stored",
        "Nothing was published. Retry fetches it again.",
        True,
    ),
    "no-checksum": (
        "the server offers no checksum, and --require-checksum is set",
        "Retry without --require-checksum to accept the size as proof.",
        True,
    ),
    "read-only": (
        "this profile is read-only",
        "Choose another profile, or start without --read-only.",
        False,
    ),
    "source-missing": ("the source does not exist (any more)", "Check the path, then retry.", True),
    "local-denied": ("the system denies access", "Check the permissions, then retry.", True),
    "target-folder": (
        "the target folder cannot be used",
        "Check that it exists and can be written, then retry.",
        True,
    ),
    "read-only-disk": ("the file system is read-only", "Choose another target.", True),
    "disk-error": ("the disk reported an error", "Check the disk, then retry.", True),
    "unsafe-name": (
        "its name would land outside the target folder or is not a file name",
        "Download it under another name.",
        False,
    ),
    "name-too-long": ("its name is too long for this file system", "Download it under another name.", False),
    "name-not-utf8": (
        "its name is not valid UTF-8, which a key must be",
        "Rename it, or upload it under another name.",
        False,
    ),
    "key-too-long": ("its key would be longer than 1,024 bytes", "Use a shorter prefix.", False),
    "key-refused": ("the server cannot hold this name", "Upload it under another name.", False),
    "not-a-file": ("it is not a regular file", "Pipes, sockets and devices are not moved.", False),
    "symlink-outside": (
        "it is a link that leads out of the tree or nowhere",
        "Copy what it points to.",
        False,
    ),
    "symlink-folder": (
        "it is a link to a folder, which is not followed",
        "What it points to is copied where it really is.",
        False,
    ),
    "name-collision": (
        "another source maps to the same target",
        "Copy one of them under another name.",
        False,
    ),
    "too-large": ("it is larger than S3 can hold", "", False),
    "use-queue": ("it takes more than one step", "Move it through the queue.", True),
    "upload-differs": (
        "the upload is not surely of this file",
        "Choose the file that it was begun with, or abort it.",
        False,
    ),
    "part-size": ("the part size is outside 5 MiB to 5 GiB", "Choose another --part-size.", False),
    "state-unsaved": (
        "progress cannot be saved",
        "Nothing new starts until the state folder can be written; free space or check the disk.",
        True,
    ),
    "internal": ("an internal error", "See the log file; retry may help.", True),
}


def explain(error: BaseException, *, what: str = "") -> Problem:
    """Say in words what `error` means.

    Args:
        error: Any exception; unknown ones become an internal error with their type named.
        what: What failed, where the error does not know it: ``upload big.tar``.
    """
    if isinstance(error, TransferError):
        why, now, retryable = _ADVICE.get(error.code, _ADVICE["internal"])
        known = f"{error.operation} {error.subject}".strip()
        if error.detail:
            why = f"{why} ({error.detail})"
        return Problem(known or what, why, now, retryable, error.code, error.request_id)
    if isinstance(error, EngineError):
        return Problem(what, str(error), "", False, "usage")
    why, now, retryable = _ADVICE["internal"]
    return Problem(what, f"{why} ({type(error).__name__})", now, retryable, "internal")


def refusal(code: str, subject: str) -> Permanent:
    """The error with which an item planned as refused fails."""
    return Permanent(code, operation="move", subject=subject)
