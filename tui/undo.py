"""What is said about taking back a deletion. Pure; what comes from outside is still raw."""

from __future__ import annotations

from engine import Undone
from tui import format
from tui.keys import key_of

UNDO_SECONDS = 10.0
"""How long a deletion that was asked for on the screen waits before it begins."""


def undone_text(undone: Undone) -> str:
    """One sentence for the answer to `undo_delete`."""
    if not undone.what:
        return "Nothing to undo: no delete waits in the queue"
    what = _own_name(undone.what)
    if undone.kept or undone.stopped:
        is_all = undone.kept <= 1 or not (undone.stopped or undone.gone)
        kept = f"Not deleted: {what}" if is_all else f"Kept {undone.kept:,} of {what}"
        if undone.stopped:
            kept += f"; {undone.stopped:,} stopped in their midst, what they deleted until then is gone"
        return kept + (f"; {undone.gone:,} were deleted before" if undone.gone else "")
    if not undone.gone:
        return f"{what} is being deleted; {key_of('queue.cancel')} in the queue stops that"
    if "versions" in undone.note:
        return f"{what} was deleted already, but its bucket keeps the versions it had"
    return f"{what} was deleted already, and cannot be brought back"


def _own_name(what: str) -> str:
    """Without the folders above it: a notice is narrow."""
    first, more = what.partition(" and ")[::2]
    name = first.rstrip("/").rpartition("/")[2] or first
    name += "/" if first.endswith("/") and name != first else ""
    return f"{name} and {more}" if more else name


def undo_hint() -> str:
    """How a deletion that waits is taken back.

    >>> undo_hint()
    'z undoes'
    """
    return f"{key_of('app.undo')} undoes"


def promise(*, local: bool, versioning: str = "") -> str:
    """For the question before a deletion.

    Args:
        versioning: Of the bucket: ``enabled``, ``suspended`` or ``off``; anything else where it is not known.
    """
    then = f"It begins in {format.duration(UNDO_SECONDS)}; until then {undo_hint()} it. After that "
    if local:
        return then + "it cannot be undone."
    match versioning:
        case "enabled":
            return then + f"the bucket keeps it as a version: {key_of('pane.versions')} restores it."
        case "suspended":
            return then + "it cannot be undone: versioning is suspended, and only older versions stay."
        case "off":
            return then + "it cannot be undone: the bucket keeps no versions."
    return then + "it cannot be undone, unless the bucket keeps versions."
