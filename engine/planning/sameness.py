"""Whether what stands at a target is already what would go there, and by which test that is known."""

from __future__ import annotations

import stat
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from engine.errors import Condition, TransferError
from engine.jobs.comparing import compare_content
from engine.jobs.copy import compare
from engine.jobs.metadata import mtime_of
from engine.jobs.proof import is_md5
from engine.jobs.source import SourceFile
from engine.local.failures import local_error
from engine.local.fsops import FsOps
from engine.lookup import look_at
from engine.model import DEFAULT_PART_SIZE, Facts, LocalRef, ObjectRef, TransferSpec, Verified
from engine.pace.cancel import CancelToken
from engine.planning.plan import PlanClass

if TYPE_CHECKING:
    from engine.s3.connection import Connection

CLOCK_SECONDS = 1.0
"""File systems and servers keep whole seconds at worst."""


class Verdict(NamedTuple):
    """What an item is."""

    spec: TransferSpec
    """With what was learnt of the target."""
    what: PlanClass
    why: str = ""
    proof: Verified | None = None


def at_first_sight(spec: TransferSpec) -> Verdict:
    """By what the listings told; UNTESTED where only a closer look can tell. Pure."""
    if spec.refusal is not None:
        return Verdict(spec, PlanClass.REFUSED, spec.refusal)
    if not spec.target_was_listed:
        return Verdict(spec, PlanClass.UNTESTED)
    if spec.target_facts is None:
        return Verdict(spec, PlanClass.NEW)
    if str(spec.target).endswith("/"):
        return Verdict(spec, PlanClass.SAME, proof=Verified.SIZE)
    if spec.size >= 0 and spec.size != spec.target_facts.size >= 0:
        return Verdict(spec, PlanClass.DIFFERS, "size")
    return Verdict(spec, PlanClass.UNTESTED)


class Examiner:
    """Looks closely at one item after the other; used by one thread."""

    def __init__(self, connection: Connection, fs: FsOps, token: CancelToken) -> None:
        self._connection, self._fs, self._token = connection, fs, token

    def examine(self, spec: TransferSpec) -> Verdict:
        """Compare contents by stored checksum or ETag; where nothing else is offered, size and time.

        What cannot be compared stays UNTESTED with the reason: the item will say it in its turn.

        Raises:
            Condition: Nothing can be compared now: no network, credentials expired.
            Interrupted: The token was cancelled.
        """
        try:
            if not spec.target_was_listed:
                spec = replace(spec, target_facts=self._look(spec), target_was_listed=True)
                seen = at_first_sight(spec)
                if seen.what is not PlanClass.UNTESTED:
                    return seen
            return self._compare(spec)
        except Condition:
            raise
        except TransferError as error:
            return Verdict(spec, PlanClass.UNTESTED, error.code)

    def _look(self, spec: TransferSpec) -> Facts | None:
        if isinstance(spec.target, ObjectRef):
            return look_at(self._connection, spec.target, self._token)
        path = spec.target.path
        try:
            facts = self._fs.lstat(path.rstrip("/"))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise local_error(error, "look at", path) from error
        is_folder = stat.S_ISDIR(facts.st_mode)
        if is_folder is not path.endswith("/"):
            return Facts(-2, facts.st_mtime)  # Of another kind: nothing that is copied has this size.
        return Facts(0 if is_folder else facts.st_size, facts.st_mtime)

    def _compare(self, spec: TransferSpec) -> Verdict:
        proof = self._proof(spec)
        if proof is None:
            return Verdict(spec, PlanClass.DIFFERS, "content")
        if proof is Verified.SIZE and not self._has_same_time(spec):
            return Verdict(spec, PlanClass.DIFFERS, "time")
        return Verdict(spec, PlanClass.SAME, proof=proof)

    def _proof(self, spec: TransferSpec) -> Verified | None:
        """As `compare_content`."""
        connection, token = self._connection, self._token
        source, target = spec.source, spec.target
        payer = spec.options.request_payer
        if isinstance(source, ObjectRef) and isinstance(target, ObjectRef):
            if _same_etag(spec.source_facts, spec.target_facts):
                return Verified.ETAG
            one = connection.wire.head_object(source, token=token, request_payer=payer)
            return compare(one, connection.wire.head_object(target, token=token, request_payer=payer))
        local, ref = (source, target) if isinstance(source, LocalRef) else (target, source)
        assert isinstance(local, LocalRef)
        assert isinstance(ref, ObjectRef)
        facts = spec.target_facts if ref is target else spec.source_facts
        file = SourceFile(local.path, self._fs)
        try:
            # The listing's ETag may be the MD5: a small file equal to it needs no request at all.
            if facts is not None and is_md5(facts.etag or "") and file.size <= DEFAULT_PART_SIZE:
                _, md5 = file.crc_and_md5_of(0, file.size, token)
                if md5.hex() == facts.etag:
                    return Verified.ETAG
            return compare_content(
                connection, ref, file, token, part_size=spec.options.part_size, request_payer=payer
            )
        finally:
            file.close()

    def _has_same_time(self, spec: TransferSpec) -> bool:
        """The target has the time of the source, or (on S3, which keeps its own) is not older than it."""
        source, target = spec.source_facts, spec.target_facts
        if source is None or target is None or source.mtime is None or target.mtime is None:
            return False
        if isinstance(spec.target, ObjectRef):
            return target.mtime + CLOCK_SECONDS >= source.mtime
        assert isinstance(spec.source, ObjectRef)
        facts = self._connection.wire.head_object(
            spec.source, token=self._token, request_payer=spec.options.request_payer
        )
        kept = mtime_of(facts.metadata, facts.mtime)
        return kept is not None and abs(float(kept) - target.mtime) <= CLOCK_SECONDS


def _same_etag(one: Facts | None, other: Facts | None) -> bool:
    return one is not None and other is not None and bool(one.etag) and one.etag == other.etag
