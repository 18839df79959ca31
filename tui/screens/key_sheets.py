"""The keys of the screens that stand over the main one, as sheets to read."""

from __future__ import annotations

from tui.screens.details import DetailsScreen, Pair

_PLAN: tuple[Pair, ...] = (
    ("Enter", "start what is decided; from the items, back to the classes"),
    ("j k", "another class, or another item"),
    ("Tab", "from the classes to the items, and back; l and h too"),
    (
        "c n o r e s x",
        "decide about the class: copy, replace if newer, overwrite, rename, ask about each, skip, remove the source",
    ),
    ("Space", "on a class: the next thing that can be done with it; on an item: leave it out, or take it in"),
    ("a A", "all items of the class, or none"),
    ("d s", "in a sync: delete what is only there, or keep it"),
    ("Esc q", "back from the items; from the classes, change nothing"),
)
_VIEWER: tuple[Pair, ...] = (
    ("Tab x t", "show it another way: picture, text, numbers, rows"),
    ("j k", "a line down, a line up; PgDn, PgUp and Space a page"),
    ("n b", "fetch the next piece, or the one before"),
    ("e", "fetch the end"),
    ("h l", "columns further left or right"),
    ("Esc q", "back"),
)
_VERSIONS: tuple[Pair, ...] = (
    ("c", "copy to the place of the other pane"),
    ("R", "restore: put a copy on top, or take a delete marker off"),
    ("D", "delete this version for good; the word is typed"),
    ("Enter i", "all that is known of it"),
    ("Y", "copy a link to this version"),
    ("Space", "mark, and go down; a all, A none"),
    ("Ctrl+R", "read the list again"),
    ("Esc q", "stop what is under way; take the marks off; back"),
)
_UPLOADS: tuple[Pair, ...] = (
    ("Enter i", "all that is known of it"),
    ("c", "go on with an upload, from a file of the other pane"),
    ("x", "abort it: its parts are deleted, and no longer billed"),
    ("Space", "mark, and go down; a all, A none"),
    ("s", "sort by another column"),
    ("Ctrl+R", "read the list again"),
    ("Esc q", "back"),
)


def version_keys() -> DetailsScreen:
    """What works in the list of versions."""
    return DetailsScreen("Keys of the versions", _VERSIONS)


def upload_keys() -> DetailsScreen:
    """What works in the list of incomplete uploads."""
    return DetailsScreen("Keys of the uploads", _UPLOADS)


def plan_keys() -> DetailsScreen:
    """What works in a plan."""
    return DetailsScreen("Keys of the plan", _PLAN)


def viewer_keys() -> DetailsScreen:
    """What works where one looks into a file."""
    return DetailsScreen("Keys of the viewer", _VIEWER)
