"""The log file: bounded, private, and without secrets whoever writes into it."""

from __future__ import annotations

import logging
import logging.handlers
import os
import re

_MOST_BYTES = 2 * 1024 * 1024
_FILES = 3

_SECRETS = (
    (re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?)[^\r\n]+"), r"\1***"),
    (
        re.compile(
            r"(?i)(X-Amz-(?:Signature|Credential|Security-Token)['\"]?\s*[=:]\s*b?['\"]?)[^&\s'\",}]+"
        ),
        r"\1***",
    ),
    (
        re.compile(
            r"(?i)((?:AWSAccessKeyId|Signature|aws_secret_access_key|aws_session_token|secret_key)\s*[=:]\s*)[^&\s'\",}]+"
        ),
        r"\1***",
    ),
    (
        re.compile(r"(?i)(server-side-encryption-customer-key(?:-MD5)?['\"]?\s*[:=]\s*b?['\"]?)[^\s'\",}]+"),
        r"\1***",
    ),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{12,}\b"), "***"),
    (re.compile(r"(://)[^/\s:@]+:[^/\s@]+@"), r"\1***@"),
)


def redact(text: str) -> str:
    """The text without what could be a secret.

    >>> redact("GET /b/k?X-Amz-Signature=abc123&x=1")
    'GET /b/k?X-Amz-Signature=***&x=1'
    """
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


class RedactingFormatter(logging.Formatter):
    """Redacts the whole line, the traceback too."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        return redact(super().format(record))


class PrivateFile(logging.handlers.RotatingFileHandler):
    """Only for its owner's eyes."""

    def _open(self):  # type: ignore[no-untyped-def]
        fd = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        return os.fdopen(fd, self.mode, encoding=self.encoding, errors=self.errors)


def set_up(path: str) -> None:
    """Log to this file from now on; where that is impossible, nowhere."""
    for name in ("botocore", "boto3", "urllib3", "s3transfer"):
        logging.getLogger(name).setLevel(logging.WARNING)
    root = logging.getLogger()
    try:
        os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
        handler: logging.Handler = PrivateFile(
            path, maxBytes=_MOST_BYTES, backupCount=_FILES, encoding="utf-8", errors="backslashreplace"
        )
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"))
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.raiseExceptions = False
