"""All that is known of one place, as it is being learnt: what costs one question first, then the rest."""

from __future__ import annotations

import grp
import pwd
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.browsing.answers import Details
from engine.browsing.questions import connection_of
from engine.errors import TransferError, UsageError, explain
from engine.local.failures import local_error
from engine.local.fsops import FsOps
from engine.model import LocalRef, Location, ObjectRef
from engine.pace.cancel import CancelToken
from engine.page import EntryKind
from engine.s3.permissions import permission_for

if TYPE_CHECKING:
    from engine.s3.connection import Connection, Connections
    from engine.s3.control import Control
    from engine.s3.facts import ObjectFacts

_HEADERS = (
    ("x-amz-server-side-encryption-aws-kms-key-id", "Encryption key"),
    ("content-encoding", "Content encoding"),
    ("content-language", "Language"),
    ("content-disposition", "Disposition"),
    ("cache-control", "Cache control"),
    ("expires", "Cache expires"),
    ("x-amz-archive-status", "Archive"),
    ("x-amz-expiration", "Expires by rule"),
    ("x-amz-replication-status", "Replication"),
    ("x-amz-website-redirect-location", "Redirects to"),
    ("x-amz-missing-meta", "Metadata left out"),
)
"""Headers of an object that are told as they are, and their names on a screen."""

_SUMS = ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")
_MODE, _UNTIL = "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"
_HOLD = "x-amz-object-lock-legal-hold"
_STANDARD = "STANDARD"

Part = tuple[str, str, Callable[[], str]]
"""Name on a screen, call of the control plane, and how to ask for its value in words."""


def describe(
    location: Location, connections: Connections, fs: FsOps, token: CancelToken
) -> Iterator[Details]:
    """What is known of a place; the last of what comes is the whole.

    A part that may not be asked for says so, with the permission that it takes; so does one that the
    server does not know.

    Raises:
        TransferError: The place itself cannot be looked at.
        Interrupted: Nobody waits for it any more.
    """
    place = location.place
    if isinstance(place, LocalRef):
        yield _local_details(place.path, fs)
        return
    connection = connection_of(location, connections)
    if not place.bucket:
        raise UsageError("the list of buckets has no details")
    if not place.key:
        yield from _bucket(connection.control, place.bucket, token)
    else:
        yield from _object(connection, place, token)


def _with_parts(found: Details, parts: list[Part], of_version: bool, token: CancelToken) -> Iterator[Details]:
    for name, call, ask in parts:
        token.check()
        value = _told(ask, permission_for(call, of_version=of_version))
        if value:
            found = replace(found, more=(*found.more, (name, value)))
            yield found


def _told(ask: Callable[[], str], permission: str) -> str:
    try:
        return ask()
    except TransferError as error:
        if error.code == "access-denied":
            return f"not allowed: needs {permission}"
        if error.code == "not-supported":
            return "the server does not know this"
        return f"not told: {explain(error).why}"


# -- buckets ---------------------------------------------------------------------------------------


def _bucket(control: Control, bucket: str, token: CancelToken) -> Iterator[Details]:
    found = Details(EntryKind.BUCKET)
    try:
        found = replace(found, region=control.bucket_region(bucket) or "")
    except TransferError as error:
        if error.code != "access-denied":
            raise
        found = replace(found, more=(("Region", f"not allowed: needs {permission_for('head_bucket')}"),))
    yield found
    parts: list[Part] = [
        ("Versioning", "get_bucket_versioning", lambda: control.bucket_versioning(bucket)),
        ("Encryption", "get_bucket_encryption", lambda: control.bucket_encryption(bucket)),
        ("Object lock", "get_object_lock_configuration", lambda: control.bucket_lock(bucket)),
        (
            "Incomplete uploads",
            "get_bucket_lifecycle_configuration",
            lambda: control.bucket_upload_rule(bucket),
        ),
    ]
    yield from _with_parts(found, parts, False, token)


# -- objects ---------------------------------------------------------------------------------------


def _object(connection: Connection, place: ObjectRef, token: CancelToken) -> Iterator[Details]:
    control = connection.control
    try:
        facts, headers = control.described(place)
    except TransferError as error:
        # A prefix need not have an object of its own.
        if error.code == "no-such-key" and place.key.endswith("/"):
            yield Details(EntryKind.FOLDER)
            return
        raise
    found = _of_headers(place, facts, headers)
    yield found
    parts: list[Part] = [("Tags", "get_object_tagging", lambda: _tags(control, place))]
    if _MODE not in headers:
        parts.append(("Retention", "get_object_retention", lambda: control.retention(place)))
    if _HOLD not in headers:
        parts.append(("Legal hold", "get_object_legal_hold", lambda: control.legal_hold(place)))
    yield from _with_parts(found, parts, place.version_id is not None, token)


def _of_headers(place: ObjectRef, facts: ObjectFacts, headers: Mapping[str, str]) -> Details:
    more = [(name, headers[header]) for header, name in _HEADERS if headers.get(header)]
    if _MODE in headers:
        more.append(("Retention", f"{headers[_MODE].lower()} until {headers.get(_UNTIL, '?')}"))
    if _HOLD in headers:
        more.append(("Legal hold", headers[_HOLD].lower()))
    return Details(
        EntryKind.FOLDER if place.key.endswith("/") else EntryKind.FILE,
        facts.size,
        facts.mtime,
        etag=facts.etag,
        version_id=facts.version_id or "",
        storage_class=facts.storage_class or _STANDARD,
        content_type=facts.content_type or "",
        checksum=_checksum_words(facts, headers),
        encryption=facts.sse or "",
        restore=facts.restore or "",
        parts=facts.parts_count or 0,
        metadata=tuple(sorted(facts.metadata.items())),
        more=tuple(more),
    )


def _checksum_words(facts: ObjectFacts, headers: Mapping[str, str]) -> str:
    whole = (facts.checksum_type or "").upper() != "COMPOSITE"
    kind = " (of the whole object)" if whole else " (of the parts' checksums)"
    if facts.crc32 is not None:
        return f"CRC32 {facts.crc32:08x}{kind}"
    for name in _SUMS:
        if told := headers.get(f"x-amz-checksum-{name}"):
            return f"{name.upper()} {told}{kind}"
    return ""


def _tags(control: Control, ref: ObjectRef) -> str:
    tags = control.tags(ref)
    return "\n".join(f"{name} = {value}" for name, value in tags.items()) or "none"


# -- files -----------------------------------------------------------------------------------------


def _local_details(path: str, fs: FsOps) -> Details:
    plain = path.rstrip("/") or "/"
    try:
        facts = fs.lstat(plain)
        link = fs.readlink(plain) if stat.S_ISLNK(facts.st_mode) else ""
    except OSError as error:
        raise local_error(error, "look at", path) from error
    kinds = {stat.S_IFDIR: EntryKind.FOLDER, stat.S_IFREG: EntryKind.FILE, stat.S_IFLNK: EntryKind.LINK}
    kind = kinds.get(stat.S_IFMT(facts.st_mode), EntryKind.SPECIAL)
    return Details(
        kind,
        facts.st_size if kind is EntryKind.FILE else -1,
        facts.st_mtime,
        mode=stat.filemode(facts.st_mode),
        owner=f"{_user(facts.st_uid)}:{_group(facts.st_gid)}",
        link_target=link,
    )


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OSError):
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except (KeyError, OSError):
        return str(gid)
