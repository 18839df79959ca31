"""What is said about versions: facts, questions, outcomes. Pure; raw where it comes from outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine import ChangeProgress, ObjectVersion, Problem, VersionListing
from tui import format
from tui.screens.details import Pair
from tui.version_names import what

_NAMED = 4
_MEANINGS = {
    "current": "the object as it is now",
    "older": "kept from before; R puts a copy of it on top",
    "deleted": "a delete marker on top: the object is deleted; R takes it off",
    "marker": "a delete marker from before; what it hid was written again",
}


def facts(listing: VersionListing, marked: Sequence[ObjectVersion], *, reading: bool) -> str:
    """The line above the list."""
    rows = [version for page in listing.pages for version in page]
    markers = sum(version.is_marker for version in rows)
    parts = [f"versioning {listing.versioning or 'unknown'}"]
    parts.append(format.counted(len(rows) - markers, "version"))
    if markers:
        parts.append(format.counted(markers, "delete marker"))
    parts.append(format.size_long(_bytes(rows)))
    if reading:
        parts.append("reading…")
    if listing.is_cut:
        parts.append("there are more: look into a prefix")
    if marked:
        parts.insert(0, f"{len(marked):,} marked, {format.size_long(_bytes(marked))}")
    return " · ".join(parts)


def nothing(listing: VersionListing) -> str:
    """Why there is no line."""
    if listing.versioning == "off":
        return "There is nothing here, and the bucket keeps no versions: what is deleted or replaced is gone."
    return "There is nothing here: no version and no delete marker."


def known(version: ObjectVersion, address: str) -> Iterator[Pair]:
    """What the listing told."""
    yield "Address", address
    yield "Version", version.version_id
    yield "What", f"{what(version)}: {_MEANINGS[what(version)]}"
    if not version.is_marker:
        yield "Size", format.size_exact(version.size)
    yield "Written" if not version.is_marker else "Deleted", format.date_long(version.mtime)


def why_not_restored(chosen: Sequence[ObjectVersion]) -> str:
    """Why these cannot be restored, or nothing."""
    if not chosen:
        return "There is no version here to restore"
    for version in chosen:
        word = what(version)
        if word == "current":
            return "That is the current version already"
        if word == "marker":
            return "An older delete marker hides nothing: choose the version to restore"
    if len({version.key for version in chosen}) < len(chosen):
        return "Choose one version of each object to restore"
    return ""


def restore_question(chosen: Sequence[ObjectVersion], versioning: str) -> tuple[str, list[str], bool]:
    """Title, lines, and whether something may be lost."""
    copies = [version for version in chosen if not version.is_marker]
    one = chosen[0] if len(chosen) == 1 else None
    title = "Restore this version?" if one else f"Restore {format.counted(len(chosen), 'object')}?"
    lines = [*_named(chosen), ""]
    if len(copies) < len(chosen):
        lines.append("The delete marker is taken off; the version below it is the object again.")
    danger = bool(copies) and versioning != "enabled"
    if copies and not danger:
        lines.append("A copy becomes the current version; what is current now stays as an older one.")
    elif danger:
        state = "is suspended" if versioning == "suspended" else "may be off"
        lines.append(f"Versioning {state}: what is current now may be lost for good.")
    return title, lines, danger


def destroy_question(chosen: Sequence[ObjectVersion]) -> tuple[str, list[str], str]:
    """Title, lines, and the word to type."""
    one = len(chosen) == 1
    markers = sum(version.is_marker for version in chosen)
    count = "1 version" if one and not markers else "1 delete marker" if one else f"{len(chosen):,} versions"
    lines = [*_named(chosen), ""]
    if markers < len(chosen):
        lines.append(f"{format.size_long(_bytes(chosen))} are deleted for good: no marker, no undo.")
    if markers:
        lines.append("Without its delete marker an object is there again, as its version before.")
    if any(what(version) == "current" for version in chosen):
        lines.append("The current version is among them: the one before it becomes current, if there is one.")
    return f"Delete {count} for good?", lines, "delete" if one else str(len(chosen))


def outcome(progress: ChangeProgress, problem: Problem | None, doing: str, by_queue: int) -> tuple[str, bool]:
    """How a change ended, and whether badly."""
    done = {"Restoring": "Restored", "Deleting": "Deleted"}.get(doing, "Changed")
    said = f"{done} {progress.done:,} of {progress.total:,}" if progress.total > 1 else done
    if problem is not None:
        stopped = problem.code == "stale"
        return (f"Stopped: {said.lower()}" if stopped else f"{said}. {problem}"), not stopped
    if by_queue:
        said = f"{said}; {by_queue:,} above 5 GiB in the queue"
    failed = [problem for _, problem in progress.failed if problem.code != "use-queue"]
    if failed:
        first = failed[0]
        return f"{first}" if progress.total == 1 else f"{said}. {len(failed):,} not: {first}", True
    return ("In the queue, because it is above 5 GiB" if by_queue and not progress.done else said), False


def _named(chosen: Sequence[ObjectVersion]) -> Iterator[str]:
    for version in chosen[:_NAMED]:
        size = "delete marker" if version.is_marker else format.size_long(version.size)
        yield f"{version.key}"
        yield f"  {size}, {format.date_long(version.mtime)}, {what(version)}"
    if len(chosen) > _NAMED:
        yield f"and {len(chosen) - _NAMED:,} more"


def _bytes(versions: Sequence[ObjectVersion]) -> int:
    return sum(max(version.size, 0) for version in versions)
