"""What sources and target of a request mean: which are folders, and what goes exactly where.

The rules (DESIGN section 7), the same for disk and bucket:

* the contents of one folder or prefix go under the target; with `under_base_name`, under its name there;
* several sources go each under its own base name, folders with all that is in them;
* one file goes to ``TARGET/base`` where the target ends in ``/`` or is a folder, else to the target;
* ``s3://b/p`` is an object; where only ``p/`` exists, that is said instead of guessed.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import UsageError
from engine.local.failures import local_error
from engine.local.fsops import FsOps
from engine.lookup import look_at, look_up
from engine.model import Facts, ItemKind, LocalRef, ObjectRef, Place, TransferRequest
from engine.planning.patience import Patience

if TYPE_CHECKING:
    from engine.s3.connection import Connection

_NAMED = 5
"""Missing sources that an error names."""


@dataclass(frozen=True, slots=True)
class Source:
    """One source as it was found."""

    place: Place
    """Ends in ``/`` (or is a whole bucket) if and only if it is a folder."""
    is_folder: bool
    base: str
    """Its own name, without ``/``; empty for the root of a disk."""
    facts: Facts | None = None
    """Files and objects."""
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """One source, and where it goes."""

    source: Source
    names: tuple[str, ...]
    """Below the target folder: of the file itself, or of the folder that takes the contents."""


@dataclass(frozen=True, slots=True)
class Route:
    """A request, understood."""

    kind: ItemKind
    legs: tuple[Leg, ...]
    folder: Place
    """What everything goes below: a local folder or a prefix, ending in ``/`` (or a whole bucket)."""
    exact: bool = False
    """The one file goes to a path or key that was named in full."""


def kind_of(request: TransferRequest) -> ItemKind:
    """Upload, download or copy.

    Raises:
        UsageError: It is none of them.
    """
    if not request.sources:
        raise UsageError("nothing to copy was named")
    local = {isinstance(source, LocalRef) for source in request.sources}
    if len(local) > 1:
        raise UsageError("the sources must be all on this disk, or all on S3")
    to_disk = isinstance(request.target, LocalRef)
    if local == {True}:
        if to_disk:
            raise UsageError(
                "source and target are both on this disk; s3tui copies between disk and S3, and within S3"
            )
        return ItemKind.UPLOAD
    if to_disk:
        return ItemKind.DOWNLOAD
    if request.target_connection not in (None, request.connection):
        raise UsageError(
            f"source and target are on different connections ({request.connection}, "
            f"{request.target_connection}): no server copies between them; download, then upload"
        )
    return ItemKind.COPY


def resolve(request: TransferRequest, connection: Connection, fs: FsOps, patience: Patience) -> Route:
    """Look at the sources and the target, and say what goes where.

    Raises:
        UsageError: The request makes no sense; it says why, and what would.
        TransferError: The server says something else.
        Interrupted: The token was cancelled.
    """
    kind = kind_of(request)
    places = tuple(dict.fromkeys(request.sources))
    if kind is ItemKind.UPLOAD:
        sources = _local_sources([p for p in places if isinstance(p, LocalRef)], fs)
    else:
        sources = _object_sources([p for p in places if isinstance(p, ObjectRef)], connection, patience)
    target = request.target
    one = sources[0] if len(sources) == 1 else None
    if one is not None and not one.is_folder and not _is_folder(target, fs):
        return _to_exactly_there(kind, one, target)
    folder = _as_folder(target, fs)
    if one is not None and one.is_folder and not request.under_base_name:
        return Route(kind, (Leg(one, ()),), folder)
    return Route(kind, tuple(Leg(s, (s.base,) if s.base else ()) for s in sources), folder)


# -- sources ---------------------------------------------------------------------------------------


def _local_sources(refs: list[LocalRef], fs: FsOps) -> list[Source]:
    found: list[Source] = []
    missing: list[str] = []
    for ref in refs:
        path = ref.path
        plain = path.rstrip("/") or "/"
        if not path.startswith("/"):
            raise UsageError(f"{path} is not an absolute path")
        try:
            # What the user names may be a symlink: it is what it leads to that was meant.
            facts = fs.stat(plain)
        except (FileNotFoundError, NotADirectoryError):
            missing.append(f"{path} does not exist")
            continue
        except OSError as error:
            raise local_error(error, "look at", path) from error
        if not stat.S_ISDIR(facts.st_mode) and path.endswith("/"):
            missing.append(f"{path} is a file, not a folder")
            continue
        found.append(_local_source(plain, facts))
    _complain(missing)
    return found


def _local_source(plain: str, facts: os.stat_result) -> Source:
    base = os.path.basename(os.path.normpath(plain))
    if stat.S_ISDIR(facts.st_mode):
        return Source(LocalRef(plain if plain == "/" else plain + "/"), True, base)
    refusal = None if stat.S_ISREG(facts.st_mode) else "not-a-file"
    return Source(LocalRef(plain), False, base, Facts(facts.st_size, facts.st_mtime), refusal)


def _object_sources(refs: list[ObjectRef], connection: Connection, patience: Patience) -> list[Source]:
    for ref in refs:
        if not ref.bucket:
            raise UsageError("the list of buckets cannot be copied; name a bucket")
    if len(refs) == 1 and _is_prefix(refs[0]):
        return [_prefix_source(refs[0])]  # Reading it will tell whether anything is there.
    keyed = [ref for ref in refs if ref.key]
    looked_up = patience.call(lambda: look_up(connection, keyed, patience.token))
    found: list[Source] = []
    missing: list[str] = []
    for ref in refs:
        if not ref.key:
            found.append(_prefix_source(ref))
            continue
        facts = looked_up[ref]
        if facts is None:
            missing.append(_missing_object(ref, connection, patience))
        elif _is_prefix(ref):
            found.append(_prefix_source(ref))
        else:
            found.append(Source(ref, False, ref.key.rpartition("/")[2], facts))
    _complain(missing)
    return found


def _missing_object(ref: ObjectRef, connection: Connection, patience: Patience) -> str:
    if _is_prefix(ref):
        return f"there is nothing below {ref}"
    prefix = ObjectRef(ref.bucket, ref.key + "/")
    if ref.version_id is None and _exists(prefix, connection, patience):
        return f"{ref} is not an object, but there are objects below {prefix}: end it in / to mean those"
    return f"{ref} does not exist"


def _exists(prefix: ObjectRef, connection: Connection, patience: Patience) -> bool:
    return patience.call(lambda: look_at(connection, prefix, patience.token)) is not None


def _complain(missing: list[str]) -> None:
    if missing:
        more = len(missing) - _NAMED
        raise UsageError("; ".join(missing[:_NAMED]) + (f"; and {more} more" if more > 0 else ""))


def _is_prefix(ref: ObjectRef) -> bool:
    return not ref.key or ref.key.endswith("/")


def _prefix_source(ref: ObjectRef) -> Source:
    base = ref.key.removesuffix("/").rpartition("/")[2] if ref.key else ref.bucket
    return Source(ref, True, base)


# -- targets ---------------------------------------------------------------------------------------


def _is_folder(target: Place, fs: FsOps) -> bool:
    """A file is to be put in there, under its own name."""
    if isinstance(target, ObjectRef):
        return _is_prefix(target)
    if target.path.endswith("/"):
        return True
    try:
        return stat.S_ISDIR(fs.stat(target.path).st_mode)
    except OSError:
        return False


def _as_folder(target: Place, fs: FsOps) -> Place:
    if isinstance(target, ObjectRef):
        _check_bucket(target)
        return target if _is_prefix(target) else ObjectRef(target.bucket, target.key + "/")
    plain = target.path.rstrip("/") or "/"
    if not plain.startswith("/"):
        raise UsageError(f"{target.path} is not an absolute path")
    try:
        is_in_the_way = not stat.S_ISDIR(fs.stat(plain).st_mode)
    except OSError:
        is_in_the_way = False  # It will be made, or the first item says why it cannot.
    if is_in_the_way:
        raise UsageError(f"{plain} is a file, not a folder")
    return LocalRef(plain if plain == "/" else plain + "/")


def _to_exactly_there(kind: ItemKind, source: Source, target: Place) -> Route:
    if isinstance(target, LocalRef):
        if not target.path.startswith("/"):
            raise UsageError(f"{target.path} is not an absolute path")
        above, name = os.path.split(target.path)
        return Route(kind, (Leg(source, (name,)),), LocalRef(above.rstrip("/") + "/"), exact=True)
    _check_bucket(target)
    above, slash, name = target.key.rpartition("/")
    return Route(kind, (Leg(source, (name,)),), ObjectRef(target.bucket, above + slash), exact=True)


def _check_bucket(target: ObjectRef) -> None:
    if not target.bucket:
        raise UsageError("the target is the list of buckets; name a bucket")
