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
        kept = f"Not deleted: {what}" if undone.kept <= 1 else f"Kept {undone.kept:,} of {what}"
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


def promise(*, local: bool) -> str:
    """For the question before a deletion."""
    versions = "" if local else ", unless the bucket keeps versions"
    seconds = format.duration(UNDO_SECONDS)
    return f"It begins in {seconds}; until then {undo_hint()} it. After that it cannot be undone{versions}."
