"""What moves one item, by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.model import ItemKind

if TYPE_CHECKING:
    from engine.jobs.protocol import Job, JobContext


def make_job(context: JobContext) -> Job:
    """The job of an item; what it needs is loaded when the first one of its kind is made."""
    match context.spec.kind:
        case ItemKind.UPLOAD:
            from engine.jobs.upload import UploadJob

            return UploadJob(context)
        case ItemKind.DOWNLOAD:
            from engine.jobs.download import DownloadJob

            return DownloadJob(context)
        case ItemKind.COPY:
            from engine.jobs.copy import CopyJob

            return CopyJob(context)
        case ItemKind.DELETE:
            from engine.jobs.delete import DeleteJob

            return DeleteJob(context)
