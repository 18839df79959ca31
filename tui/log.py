"""The log file: bounded, private, and without secrets whoever writes into it."""

from __future__ import annotations

import errno
import io
import logging
import logging.handlers
import os
import re
import stat
import sys
import threading

from engine import hide_secrets

_MOST_BYTES = 2 * 1024 * 1024
_FILES = 3
_FORMAT = "%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"
_NEVER_DEBUG = ("botocore", "boto3", "urllib3", "s3transfer")
"""They log signatures, tokens and whole requests below WARNING."""

_VALUE = r"['\"]?\s*[=:]\s*b?['\"]?"
"""Between a name and its value, in a header, a query, a dict or an assignment."""

_SECRETS = (
    (re.compile(rf"(?i)(authorization{_VALUE})[^\r\n'\"]+"), r"\1***"),
    (re.compile(r"(?i)\b(AWS4-HMAC-SHA256|AWS4-ECDSA-P256-SHA256)\b[^\r\n'\"]*"), r"\1 ***"),
    (
        re.compile(rf"(?i)(X-Amz-(?:Signature|Credential|Security-Token){_VALUE})[^&\s'\",;}}]+"),
        r"\1***",
    ),
    (
        re.compile(
            r"(?i)((?:AWSAccessKeyId|Signature|aws_secret_access_key|aws_session_token|secret_?key|access_key"
            rf"|SecretAccessKey|SessionToken|AccessKeyId|AWS_[A-Z_]*(?:KEY|TOKEN)(?:_ID)?){_VALUE})[^&\s'\",;}}]+"
        ),
        r"\1***",
    ),
    (
        re.compile(rf"(?i)(server-side-encryption-customer-key(?:-MD5)?{_VALUE})[^\s'\",}}]+"),
        r"\1***",
    ),
    (re.compile(r"(?i)(SSECustomerKey(?:MD5)?" + _VALUE + r")[^\s'\",}]+"), r"\1***"),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{12,}\b"), "***"),
    (re.compile(r"(://)[^/\s@]+@"), r"\1***@"),
)


def redact(text: str) -> str:
    """The text without what could be a secret.

    >>> redact("GET /b/k?X-Amz-Signature=abc123&x=1")
    'GET /b/k?X-Amz-Signature=***&x=1'
    """
    text = hide_secrets(text)
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


class RedactingFormatter(logging.Formatter):
    """Redacts the whole record, its traceback too, and lets nothing of it act on a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        text = redact(super().format(record))
        return "".join(char if char.isprintable() or char in "\n\t" else ascii(char)[1:-1] for char in text)


class PrivateFile(logging.handlers.RotatingFileHandler):
    """Only for its owner's eyes. Never written through a link that somebody may have planted."""

    def _open(self) -> io.TextIOWrapper:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
        if not self.baseFilename.startswith("/dev/"):  # /dev/stderr is a link
            flags |= os.O_NOFOLLOW
        fd = os.open(self.baseFilename, flags, 0o600)
        facts = os.fstat(fd)
        if stat.S_ISREG(facts.st_mode):
            if facts.st_uid != os.geteuid() or facts.st_nlink != 1:
                os.close(fd)
                raise OSError(errno.EPERM, "it is somebody else's, or has another name too")
            os.fchmod(fd, 0o600)
        os.set_blocking(fd, True)
        return io.TextIOWrapper(
            open(fd, "ab"), encoding=self.encoding, errors=self.errors, line_buffering=True
        )


def log_path() -> str:
    """Where it is logged to; empty for nowhere."""
    handlers = logging.getLogger().handlers
    return next((handler.baseFilename for handler in handlers if isinstance(handler, PrivateFile)), "")


def naming_log(text: str) -> str:
    """The same, with the path of the log file where it speaks of that. Raw."""
    path = log_path()
    return text.replace("the log file", f"the log file {path}") if path else text


def set_up(path: str) -> None:
    """Log to this file from now on; where that is impossible, nowhere."""
    for name in _NEVER_DEBUG:
        logging.getLogger(name).setLevel(logging.WARNING)
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler.formatter, RedactingFormatter)]:
        root.removeHandler(old)
        old.close()
    try:
        os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
        handler: logging.Handler = PrivateFile(
            path, maxBytes=_MOST_BYTES, backupCount=_FILES, encoding="utf-8", errors="backslashreplace"
        )
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(RedactingFormatter(_FORMAT))
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    # A full disk under the log must not write on the screen.
    logging.raiseExceptions = False
    threading.excepthook = _log_thread
    sys.unraisablehook = _log_unraisable


def _log_thread(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread is not None else "?"
    if args.exc_type is not SystemExit and args.exc_value is not None:
        trace = (args.exc_type, args.exc_value, args.exc_traceback)
        logging.getLogger(__name__).error("thread %s ended", name, exc_info=trace)


def _log_unraisable(args: sys.UnraisableHookArgs) -> None:
    if args.exc_value is not None:
        trace = (args.exc_type, args.exc_value, args.exc_traceback)
        logging.getLogger(__name__).error("%s", args.err_msg or "an exception was ignored", exc_info=trace)
