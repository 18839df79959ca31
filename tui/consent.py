"""Which ``http://`` endpoints the user has accepted on the screen, in a file beside the settings.

It is not kept with the queue: whoever could write there must not be able to turn encryption off.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from engine import Profile
from tui.settings import config_path

FILE_NAME = "http-accepted"
_MOST_BYTES = 64 * 1024


def origin_of(profile: Profile) -> str:
    """Scheme, host and port of a profile's endpoint; empty for AWS.

    >>> origin_of(Profile("p", "http://Minio.lan:9000/path"))
    'http://minio.lan:9000'
    """
    if profile.endpoint_url is None:
        return ""
    parts = urlsplit(profile.endpoint_url)
    return f"{parts.scheme}://{parts.netloc.lower()}"


def load(environ: Mapping[str, str] = os.environ) -> frozenset[str]:
    """Those accepted so far; none where the file cannot be read."""
    try:
        with _path(environ).open(encoding="utf-8", errors="replace") as file:
            text = file.read(_MOST_BYTES)
    except OSError:
        return frozenset()
    return frozenset(line.strip() for line in text.splitlines() if line.strip())


def remember(profile: Profile, environ: Mapping[str, str] = os.environ) -> None:
    """Add the endpoint of a profile, once and for all.

    Raises:
        OSError: The file cannot be written.
    """
    accepted = sorted({*load(environ), origin_of(profile)})
    path = _path(environ)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{FILE_NAME}.{os.getpid()}")
    try:
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(fd, "w", encoding="utf-8") as file:
            file.write("".join(f"{origin}\n" for origin in accepted))
        os.replace(fresh, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(fresh)
        raise


def _path(environ: Mapping[str, str]) -> Path:
    return config_path(environ).parent / FILE_NAME
