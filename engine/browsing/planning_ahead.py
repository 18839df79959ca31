"""Filling a plan: scans what a request means, says what stands at the targets, compares contents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.browsing.desk import Question
from engine.local.fsops import FsOps
from engine.local.keywalk import walk_in_key_order
from engine.lookup import row_facts
from engine.model import Facts, ItemKind, LocalRef, ObjectRef, Place, TransferRequest, TransferSpec
from engine.pace.cancel import CancelToken
from engine.pace.clock import Clock
from engine.page import EntryKind
from engine.planner import Planner
from engine.planning.collisions import folded, folds_names
from engine.planning.globs import Globs
from engine.planning.patience import Patience
from engine.planning.plan import Plan, PlanClass
from engine.planning.sameness import Examiner, at_first_sight

if TYPE_CHECKING:
    from engine.s3.connection import Connection, Connections

_HIDES = frozenset(("local-denied", "disk-error", "symlink-folder", "symlink-outside"))
"""Refusals of what may be a folder with things in it."""


def plan_ahead(
    question: Question,
    request: TransferRequest,
    connections: Connections,
    fs: FsOps,
    clock: Clock,
    *,
    extras: bool = False,
) -> None:
    """Show a plan at once and fill it: first every item by the listings, then by comparing contents.

    Args:
        extras: Find what is only at the target too. The request must be the content of one folder.

    Raises:
        UsageError: The request makes no sense.
        TransferError: A side cannot be read; what was found before stays in the plan.
        Interrupted: Nobody waits any more.
    """
    token = question.cancel
    plan = Plan(request)
    question.show(plan)
    known = _Known(request, fs) if extras else None
    for specs in Planner(connections, fs, clock).plan(request, token):
        token.check()
        for spec in specs:
            if known is not None:
                known.add(spec)
            seen = at_first_sight(spec)
            plan.add(spec, seen.what, seen.why, seen.proof)
    connection = connections.get(request.connection)
    if known is not None and not plan.tally().is_too_long:
        for place, facts in _below(request.target, connection, fs, clock, token):
            if known.lacks(place):
                plan.add(_extra(request, place, facts), PlanClass.EXTRA)
    plan.end_scan()
    examiner = Examiner(connection, fs, token)
    while (untested := plan.next_untested()) is not None:
        token.check()
        plan.settle(*examiner.examine(untested))
    plan.end_comparing()


class _Known:
    """What at the target has, or may have, its like at the source."""

    def __init__(self, request: TransferRequest, fs: FsOps) -> None:
        self._base = len(str(request.target).rstrip("/")) + 1
        self._globs = Globs(request.options.include, request.options.exclude)
        target = request.target
        # Where names that differ in case are one file, that file must not be taken for another.
        self._folds = isinstance(target, LocalRef) and folds_names(target.path, fs)
        self._targets: set[str] = set()
        self._unseen: list[str] = []

    def add(self, spec: TransferSpec) -> None:
        """This is at the source. What is below a folder that cannot be looked into is not known to be missing."""
        name = self._name(spec.target)
        self._targets.add(name)
        if spec.refusal in _HIDES:
            self._unseen.append(name.rstrip("/") + "/")

    def lacks(self, place: Place) -> bool:
        """The source has nothing that goes there, and what is there was not left out by the user's patterns."""
        name = self._name(place)
        if name in self._targets or name.startswith(tuple(self._unseen)):
            return False
        return self._globs.takes(tuple(str(place)[self._base :].split("/")))

    def _name(self, place: Place) -> str:
        return folded(str(place)) if self._folds else str(place)


def _extra(request: TransferRequest, place: Place, facts: Facts) -> TransferSpec:
    on_disk = isinstance(place, LocalRef)
    connection = None if on_disk else request.connection
    return TransferSpec(
        ItemKind.DELETE, place, place, connection, request.options, facts.size, target_facts=facts
    )


def _below(
    target: Place, connection: Connection, fs: FsOps, clock: Clock, token: CancelToken
) -> Iterator[tuple[Place, Facts]]:
    """Every file or object below a folder or prefix; folders and their markers are left alone."""
    if isinstance(target, LocalRef):
        root = target.path.rstrip("/") or "/"
        if not _exists(root, fs):
            return
        for found in walk_in_key_order(root, fs, token):
            if found.kind is EntryKind.FILE and found.stat is not None and not found.is_link:
                yield LocalRef(found.path), Facts(found.stat.st_size, found.stat.st_mtime)
        return
    for page in Patience(clock, token).pages(connection, target.bucket, target.key):
        for row, name in enumerate(page.names):
            if name and not name.endswith("/"):
                yield ObjectRef(target.bucket, target.key + name), row_facts(page, row)


def _exists(path: str, fs: FsOps) -> bool:
    try:
        fs.lstat(path)
    except OSError:
        return False
    return True
