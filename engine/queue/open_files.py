"""How many files and connections may be open at a time, and for how many workers that is enough."""

from __future__ import annotations

import logging
import resource

from engine.config import MAX_WORKERS
from engine.scheduler import ENDING_PER_WORKER

log = logging.getLogger(__name__)

WANTED = 4096
"""More than any number of workers needs: the system's own limit is not raised beyond that."""

_PER_WORKER = 3 + ENDING_PER_WORKER
"""A connection, a file and its folder, and the small files that wait to be put in place."""
_OTHERS = 64
"""The saved queue, the log, listings, files of items that wait for another try."""


def raise_limit() -> int:
    """Let this process have as many files open as it may want and is allowed to; returns how many those are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= WANTED:
        return WANTED
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if wanted > soft:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError) as error:  # Some systems have another limit behind this one.
            log.info("no more than %d open files: %s", soft, error)
        else:
            return wanted
    return soft


def workers_for(files: int) -> int:
    """For how many workers so many open files are enough; one at least.

    >>> workers_for(1024), workers_for(256), workers_for(128), workers_for(20)
    (64, 17, 5, 1)
    """
    return max(1, min((files - _OTHERS) // _PER_WORKER, MAX_WORKERS))


def files_for(workers: int) -> int:
    """How many open files so many workers need."""
    return _OTHERS + workers * _PER_WORKER


def shortage(wanted: int, files: int) -> str:
    """What is to be told where not all `wanted` workers can be had; empty where they can."""
    workers = workers_for(files)
    if workers >= wanted:
        return ""
    return (
        f"{workers} of {wanted} workers: this process may have {files} files open, and {wanted} workers need "
        f"{files_for(wanted)}. Raise the limit (ulimit -n)"
    )
