"""How an engine is set up."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_WORKERS = 16
MAX_WORKERS = 64
DEFAULT_ACTIVE_ITEMS = 4
DEFAULT_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Settings that the engine is started with; rate limits and workers may change while it runs."""

    state_dir: str
    """Where the queue is saved; made if it does not exist, private to the user."""
    workers: int = DEFAULT_WORKERS
    """Requests under way at a time, at most."""
    active_items: int = DEFAULT_ACTIVE_ITEMS
    """Items of several parts under way at a time, at most."""
    upload_limit: int | None = None
    """Bytes per second."""
    download_limit: int | None = None
    """Bytes per second."""
    attempts: int = DEFAULT_ATTEMPTS
    """How often a part is tried in all before its item fails."""
    delete_delay: float = 0.0
    """Seconds that a deletion waits in the queue before it begins, and can be taken back."""
