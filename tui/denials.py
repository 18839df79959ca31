"""What cannot be done in a place, known before it is tried, in a word or two. Pure."""

from __future__ import annotations

from collections.abc import Callable

from engine import LocalRef, Location

READ_ONLY = "read-only"
READ_ONLY_THERE = "read-only there"
BUCKETS_ONLY = "in buckets only"
BOTH_LOCAL = "both are local"

_CHANGE_HERE = frozenset(("pane.delete", "pane.rename", "pane.new-folder", "pane.properties", "pane.move"))
_CHANGE_THERE = frozenset(("pane.copy", "pane.move"))
_OF_OBJECTS = frozenset(("pane.properties", "pane.versions", "pane.link", "pane.uploads"))


def denied(
    id: str, here: Location | None, there: Location | None, is_read_only: Callable[[Location], bool]
) -> str:
    """Why an action of the panes is not to be had, or nothing.

    Args:
        id: Of the action, as in `tui.keys`.
        here: What the pane with the keys shows.
        there: What the other one shows.
    """
    if here is None:
        return ""
    if id in _OF_OBJECTS and isinstance(here.place, LocalRef):
        return BUCKETS_ONLY
    if id in _CHANGE_HERE and is_read_only(here):
        return READ_ONLY
    if id in _CHANGE_THERE and there is not None and is_read_only(there):
        return READ_ONLY_THERE
    if id in _CHANGE_THERE and are_local(here, there):
        return BOTH_LOCAL
    return ""


def are_local(here: Location | None, there: Location | None) -> bool:
    """Neither is on a server: between two local folders nothing is copied."""
    return (
        here is not None
        and there is not None
        and isinstance(here.place, LocalRef)
        and isinstance(there.place, LocalRef)
    )
