"""What moves one item, by kind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.model import ItemKind

if TYPE_CHECKING:
    from engine.jobs.protocol import Job, JobContext


_loading = threading.Lock()
"""Where an import fails for want of open files, another thread in the midst of it would get half a module."""


def make_job(context: JobContext) -> Job:
    """The job of an item; what it needs is loaded when the first one of its kind is made.

    Raises:
        OSError: It cannot be loaded now.
    """
    with _loading:
        kind = _job_of(context.spec.kind)
    return kind(context)


def _job_of(kind: ItemKind) -> Callable[[JobContext], Job]:
    match kind:
        case ItemKind.UPLOAD:
            from engine.jobs.upload import UploadJob

            return UploadJob
        case ItemKind.DOWNLOAD:
            from engine.jobs.download import DownloadJob

            return DownloadJob
        case ItemKind.COPY:
            from engine.jobs.copy import CopyJob

            return CopyJob
        case ItemKind.DELETE:
            from engine.jobs.delete import DeleteJob

            return DeleteJob
