"""Secrets that this process has read, so that no text it writes holds one of them. Loads nothing."""

from __future__ import annotations

import os
import threading
from collections import deque

_SHORTEST = 8
"""Characters; what is shorter would be found in honest words."""
_MOST = 64
"""Temporary credentials are renewed every hour or so; older ones are worth nothing."""
_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")

_known: deque[str] = deque(maxlen=_MOST)
"""Written under `_lock` by whoever reads credentials; read under it by whoever hides them."""
_lock = threading.Lock()


def remember_secrets(*values: str | None) -> None:
    """These are never to be written."""
    with _lock:
        for value in values:
            if value and len(value) >= _SHORTEST and value not in _known:
                _known.append(value)


def hide_secrets(text: str) -> str:
    """The text with every secret that is known by its value, or stands in the environment, as ``***``."""
    with _lock:
        values = [*_known, *(os.environ.get(name, "") for name in _VARIABLES)]
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= _SHORTEST:
            text = text.replace(value, "***")
    return text
