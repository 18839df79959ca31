"""What was asked for, in one line."""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import UsageError
from engine.model import DeleteRequest, ItemKind, Place, Request
from engine.parts import check_part_size
from engine.planning.mapping import kind_of


def label_of(request: Request) -> str:
    """Kind, source and target.

    Raises:
        UsageError: The request makes no sense whatever is out there.
    """
    if isinstance(request, DeleteRequest):
        if not request.targets:
            raise UsageError("nothing to delete was named")
        return f"delete {_several(request.targets)}"
    kind = kind_of(request)
    if request.options.part_size is not None:
        check_part_size(request.options.part_size)
    return f"{kind.value} {_several(request.sources)} to {request.target}"


def _several(places: Sequence[Place]) -> str:
    return str(places[0]) if len(places) == 1 else f"{places[0]} and {len(places) - 1:,} more"


def split_label(label: str) -> tuple[str, str]:
    """Source and target of what was asked for, as its label has them.

    >>> split_label("upload /data/logs/ to s3://b/logs/")
    ('/data/logs/', 's3://b/logs/')
    >>> split_label("delete s3://b/old/ and 2 more")
    ('s3://b/old/ and 2 more', '')
    """
    kind, _, rest = label.partition(" ")
    for start in (" to s3://", " to /"):
        if kind != ItemKind.DELETE.value and start in rest:
            source, _, target = rest.partition(start)
            return source, start.removeprefix(" to ") + target
    return rest, ""
