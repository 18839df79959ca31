"""A real plan of what a request would do, by the folders of a fake browser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine import (
    Facts,
    ItemKind,
    LocalRef,
    ObjectRef,
    Place,
    Plan,
    PlanClass,
    Problem,
    TransferRequest,
    Verified,
)
from engine.model import TransferSpec
from tests.tui.example import NOW
from tests.tui.fake_browser import Entry
from tests.tui.fake_engine import MIB, FakeManager
from tui import places

C = PlanClass
Folders = Mapping[str, "list[Entry] | Problem"]


def with_copies(manager: FakeManager) -> FakeManager:
    """A part of what is on the disk is in the bucket already, some of it in another state."""
    folders = manager.browser.folders
    logs = folders["/home/ann/data/logs/"]
    assert isinstance(logs, list)
    there = [Entry(entry.name, entry.size, entry.mtime + 1800) for entry in logs[20:]]
    for entry in there[:4]:
        entry.size += 4096
    old = Entry("app-2025.log.gz", 7 * MIB, NOW - 300 * 86_400.0)
    folders["s3://backups/2026/logs/"] = [*there, old]
    logs += [Entry("bad\udcff.log", 512, NOW - 86_400.0)]
    return manager


def plan_of(folders: Folders, request: TransferRequest, *, extras: bool = False) -> Plan:
    """Everything below the sources, classed by what stands at its target: the same size is the same."""
    plan = Plan(request)
    planned: set[str] = set()
    for source in request.sources:
        for place, entry, name in _walk(folders, source, request.under_base_name):
            target = _below(request.target, name)
            planned.add(str(target))
            _add(plan, request, place, entry, target, _find(folders, target))
    if extras:
        for place, entry, _ in _walk(folders, request.target, False):
            if str(place) not in planned:
                spec = _spec(request, ItemKind.DELETE, place, place, entry, Facts(entry.size, entry.mtime))
                plan.add(spec, C.EXTRA)
    plan.end_scan()
    plan.end_comparing()
    return plan


def _add(
    plan: Plan, request: TransferRequest, source: Place, entry: Entry, target: Place, there: Entry | None
) -> None:
    up, down = isinstance(source, LocalRef), isinstance(target, LocalRef)
    kind = ItemKind.UPLOAD if up else ItemKind.DOWNLOAD if down else ItemKind.COPY
    facts = Facts(there.size, there.mtime) if there is not None else None
    spec = _spec(request, kind, source, target, entry, facts)
    if "\udcff" in entry.name:
        plan.add(spec, C.REFUSED, "name-not-utf8")
    elif there is None:
        plan.add(spec, C.NEW)
    elif there.size == entry.size:
        plan.add(spec, C.SAME, proof=Verified.CRC if entry.size else Verified.SIZE)
    else:
        plan.add(spec, C.DIFFERS, "size")


def _spec(
    request: TransferRequest, kind: ItemKind, source: Place, target: Place, entry: Entry, there: Facts | None
) -> TransferSpec:
    return TransferSpec(
        kind,
        source,
        target,
        request.connection,
        request.options,
        entry.size,
        source_facts=Facts(entry.size, entry.mtime or None),
        target_facts=there,
        target_was_listed=True,
    )


def _walk(folders: Folders, place: Place, with_base: bool) -> Iterator[tuple[Place, Entry, str]]:
    """Every file at or below a place, with its name there."""
    text = str(place)
    if not text.endswith("/"):
        if (entry := _find(folders, place)) is not None:
            yield place, entry, entry.name
        return
    base = places.base_name(place) + "/" if with_base else ""
    for folder in sorted(folders):
        rows = folders[folder]
        if not folder.startswith(text) or isinstance(rows, Problem):
            continue
        for entry in rows:
            if entry.size >= 0:
                name = folder[len(text) :] + entry.name
                yield _below(place, name), entry, base + name


def _below(folder: Place, name: str) -> Place:
    if isinstance(folder, LocalRef):
        return LocalRef(folder.path + name)
    return ObjectRef(folder.bucket, folder.key + name)


def _find(folders: Folders, place: Place) -> Entry | None:
    above, _, name = str(place).rpartition("/")
    rows = folders.get(above + "/")
    found = rows if isinstance(rows, list) else []
    return next((entry for entry in found if entry.name == name), None)
