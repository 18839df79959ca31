"""Every action of the main screen: the one table from which all else about keys is made.

Bindings, the footer, the ``?`` help, the palette and the README's key table are all derived from
`ACTIONS`; where the user has keys of their own (`tui.keymap`), all but the README follow those. Every action has a plain-letter (or named) key first; F-keys and control keys are aliases,
because terminals and multiplexers eat them. Bytes that collide are never bound: Ctrl+H (Backspace),
Ctrl+I (Tab), Ctrl+M and Ctrl+J (Enter).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from textual.binding import Binding, BindingType


class Context(Enum):
    """Where a key works."""

    LIST = "list"
    """In every list: both panes and the queue."""
    PANES = "panes"
    QUEUE = "queue"
    GLOBAL = "global"


@dataclass(frozen=True, slots=True)
class KeyAction:
    """One thing the user can do."""

    id: str
    """Stable; what a user's key map names: ``pane.copy``."""
    keys: tuple[str, ...]
    """Textual's names; the first is the one that is shown."""
    context: Context
    action: str
    """What is run: an action of the main screen (``screen.…``) or of the list that has the focus."""
    label: str
    """One or two words, for the footer."""
    help: str
    """One line, for help and palette; begins with a verb."""
    group: str
    """Heading in help."""
    footer: int = 0
    """Place in the footer, 1 first; 0 keeps it out."""
    palette: bool = True
    """Whether choosing it from a list makes sense (moving the cursor does not)."""

    @property
    def tooltip(self) -> str:
        """What the mouse shows over the footer."""
        return self.help

    @property
    def shown_key(self) -> str:
        """The first key as people write it: ``Space``, ``F5``, ``c``."""
        return show_key(self.keys[0])


def _move(id: str, keys: str, action: str, help: str) -> KeyAction:
    return KeyAction(
        f"list.{id}", tuple(keys.split()), Context.LIST, action, id.capitalize(), help, "Move", palette=False
    )


def _pane(
    id: str, keys: str, label: str, help: str, group: str, footer: int = 0, *, palette: bool = True
) -> KeyAction:
    action = f"screen.pane_{id.replace('-', '_')}"
    return KeyAction(
        f"pane.{id}", tuple(keys.split()), Context.PANES, action, label, help, group, footer, palette
    )


def _queue(id: str, keys: str, label: str, help: str, group: str, footer: int = 0) -> KeyAction:
    action = f"screen.queue_{id.replace('-', '_')}"
    return KeyAction(f"queue.{id}", tuple(keys.split()), Context.QUEUE, action, label, help, group, footer)


def _global(
    id: str, keys: str, action: str, label: str, help: str, footer: int = 0, group: str = "Anywhere"
) -> KeyAction:
    return KeyAction(f"app.{id}", tuple(keys.split()), Context.GLOBAL, action, label, help, group, footer)


ACTIONS: tuple[KeyAction, ...] = (
    _move("up", "k up", "cursor_up", "Move the cursor up"),
    _move("down", "j down", "cursor_down", "Move the cursor down"),
    _move("first", "g home", "cursor_first", "Go to the first row"),
    _move("last", "G end", "cursor_last", "Go to the last row"),
    _move("page-up", "pageup ctrl+b", "page_up", "Go up one page"),
    _move("page-down", "pagedown ctrl+f", "page_down", "Go down one page"),
    # Panes
    _pane("open", "enter l right", "Open", "Open the folder, prefix or bucket; look into a file or object",
          "Places", 7, palette=False),
    _pane("parent", "backspace h left", "Up", "Go to the parent folder", "Places"),
    _pane("other", "tab", "Other pane", "Go to the other pane", "Places", 8),
    _pane("goto", "colon", "Go to", "Go to a path or s3:// address that you type", "Places", 9),
    _pane("profile", "e", "Profile", "Choose a profile or endpoint for this pane; add, change, test endpoints", "Places", 10),
    _pane("bookmarks", "b", "Bookmarks", "Go to a bookmark or a recent place", "Places", 12),
    _pane("bookmark", "B", "Bookmark", "Bookmark this place, or take the bookmark off", "Places"),
    _pane("history-back", "H alt+left", "Place before", "Go back to the place shown before", "Places"),
    _pane("history-forward", "F alt+right", "Place after", "Go forward again, after going back", "Places"),
    _pane("same", "o", "Same place", "Show this pane's place in the other pane too", "Places"),
    _pane("swap", "u", "Swap", "Swap the two panes", "Places"),
    _pane("refresh", "R ctrl+r", "Refresh", "Read the listing again", "Places"),
    _pane("mark", "space insert", "Mark", "Mark the row, or take the mark off, and go down", "Mark", 2),
    _pane("range", "v", "Range", "Mark from here to where v is pressed again", "Mark"),
    _pane("mark-all", "a ctrl+a", "Mark all", "Mark every file and folder that is shown", "Mark"),
    _pane("mark-none", "A", "Mark none", "Take all marks off", "Mark"),
    _pane("invert", "asterisk", "Invert", "Mark what is not marked, and the other way round", "Mark"),
    _pane("select", "plus", "Select", "Mark by pattern: *.tar", "Mark"),
    _pane("unselect", "minus", "Unselect", "Take marks off by pattern", "Mark"),
    _pane("copy", "c f5", "Copy", "Copy the marked (or the current) to the other pane, after a plan", "Files", 1),
    _pane("move", "m f6", "Move", "Move the marked (or the current) to the other pane, after a plan", "Files", 5),
    _pane("rename", "r f2", "Rename", "Rename the current file or object", "Files"),
    _pane("new-folder", "n f7", "New folder", "Make a folder (on S3: a folder marker; among buckets: a bucket)", "Files"),
    _pane("delete", "d f8 delete", "Delete", "Delete the marked (or the current), after asking; an empty bucket too", "Files", 6),
    _pane("compare", "equals_sign", "Compare",
          "Compare both panes with all that is below them; again: bring one in line", "Files", 13),
    _pane("preview", "p f3", "Look inside", "Look into the file or object: text, hex, rows, images; fetches 64 KiB, of images 8 MiB at most",
          "Files", 12),
    _pane("info", "i", "Details", "Show all that is known of a file, object or bucket: checksums, metadata, tags, settings", "Files"),
    _pane("properties", "E", "Properties", "Change storage class, content type, metadata and tags of objects", "Files"),
    _pane("versions", "V", "Versions", "List versions and delete markers: copy, restore, delete for good", "Files"),
    _pane("yank", "y", "Copy address", "Copy the path or s3:// address to the clipboard", "Files"),
    _pane("link", "Y", "Copy link", "Copy a link with which anybody may read the object, for a time you choose", "Files"),
    _pane("find", "f", "Find", "Find below here by name, size and age: *.log >100M <7d", "View"),
    _pane("size", "S", "Folder size", "Add up what is in the folder, or in those marked", "View"),
    _pane("filter", "slash", "Filter", "Show only names that hold a text, or match a pattern", "View", 3),
    _pane("sort", "s", "Sort", "Sort by name, size or date", "View", 11),
    _pane("hidden", "full_stop", "Hidden", "Show or hide names that begin with a dot", "View"),
    _pane("uploads", "U", "Uploads", "Show uploads that were begun and not ended, whose parts are billed: go on with them, or abort them",
          "View"),
    _pane("back", "escape", "Back", "Leave the filter; else take marks off. Never cancels a transfer", "View",
          palette=False),
    # Queue
    _queue("pause", "space", "Pause", "Pause the item or the group, or let it go on", "Item", 1),
    _queue("details", "enter", "Details",
           "Show parts, attempts, last error; answer an item that asks; open or close a group", "Item", 2),
    _queue("cancel", "x", "Cancel", "Cancel the item or the group, after asking", "Item", 4),
    _queue("retry", "r", "Retry", "Try the item again now", "Item", 3),
    _queue("answer", "a", "Answer", "Answer what the item asks by one letter; a capital answers for all of its operation", "Item"),
    _queue("limit", "l", "Limit", "Give the item, or each of the group, a rate limit of its own: 2M, or off", "Item"),
    _queue("reveal", "o", "Reveal", "Show the item's target in a pane", "Item"),
    _queue("down", "J", "Later", "Move the item or the group one place down", "Order"),
    _queue("up", "K", "Sooner", "Move the item or the group one place up", "Order"),
    _queue("top", "T", "To the top", "Move the item or the group to the top of the queue", "Order", 8),
    _queue("retry-failed", "R", "Retry failed", "Try every failed item again", "Queue", 6),
    _queue("clear", "C", "Clear done", "Take finished items off the list", "Queue", 7),
    _queue("cancel-all", "X", "Cancel all", "Cancel every unfinished item, after asking", "Queue"),
    _queue("find", "slash", "Find", "Show only items whose name holds a text", "Queue"),
    _queue("view-all", "1", "All", "Show every item, under its operation", "Queue"),
    _queue("view-active", "2", "Active", "Show what is moving, or about to", "Queue"),
    _queue("view-waiting", "3", "Waiting", "Show what waits or is paused", "Queue"),
    _queue("view-asking", "4", "Asking", "Show what wants an answer", "Queue"),
    _queue("view-failed", "5", "Failed", "Show what failed", "Queue"),
    _queue("view-done", "6", "Done", "Show what is finished", "Queue"),
    _queue("back", "escape tab", "Panes", "Go back to the panes. Never cancels a transfer", "Queue", 5),
    # Anywhere
    _global("queue", "w", "screen.toggle_queue", "Queue", "Go to the queue, or back to the panes", 4),
    _global("resumed", "W", "screen.resumed", "Resumed",
            "Show what came back at the start and went on: pause or discard it", 0, "Transfers"),
    _global("problems", "exclamation_mark", "screen.problems", "Problems",
            "Show what went wrong lately: why, what to do, request id", 0, "Transfers"),
    _global("undo", "z", "screen.undo", "Undo delete", "Take back a delete that has not begun yet", 0, "Transfers"),
    _global("pause-all", "P", "screen.pause_all", "Pause all", "Hold the whole queue, or let it go on", 0,
            "Transfers"),
    _global("limit-down", "left_square_bracket", "screen.limit_down", "Slower", "Lower the rate limit", 0,
            "Transfers"),
    _global("limit-up", "right_square_bracket", "screen.limit_up", "Faster", "Raise the rate limit", 0,
            "Transfers"),
    _global("limit-toggle", "backslash", "screen.limit_toggle", "Limit", "Switch the rate limit on or off", 0,
            "Transfers"),
    _global("limit-set", "L", "screen.limit_set", "Set limit", "Type a rate limit: 10M, or up:down", 0,
            "Transfers"),
    _global("workers-down", "less_than_sign", "screen.workers_down", "Fewer workers",
            "Move fewer parts at a time", 0, "Transfers"),
    _global("workers-up", "greater_than_sign", "screen.workers_up", "More workers",
            "Move more parts at a time", 0, "Transfers"),
    _global("alone", "Z", "screen.alone", "Alone", "Show only the pane or the queue that has the keys, or all again",
            0, "Layout"),
    _global("split-left", "left_parenthesis", "screen.split_left", "Line left",
            "Move the line between the panes to the left", 0, "Layout"),
    _global("split-right", "right_parenthesis", "screen.split_right", "Line right",
            "Move the line between the panes to the right", 0, "Layout"),
    _global("queue-shorter", "left_curly_bracket", "screen.queue_shorter", "Shorter queue",
            "Give the queue a line less", 0, "Layout"),
    _global("queue-taller", "right_curly_bracket", "screen.queue_taller", "Taller queue",
            "Give the queue a line more", 0, "Layout"),
    _global("help", "question_mark f1", "screen.help", "Help", "Show every key that works here", 20),
    _global("settings", "comma", "screen.settings", "Settings", "Show and change every setting, and where it comes from"),
    _global("theme", "at", "screen.theme", "Theme", "Choose other colours, or the terminal's own"),
    _global("palette", "ctrl+p", "app.command_palette", "Palette", "Find an action by its name", 22),
    _global("quit", "q f10 ctrl+q", "screen.quit_program", "Quit",
            "Leave; work under way is saved and goes on at the next start", 21),
)  # fmt: skip
"""The table."""

_in_use: dict[str, KeyAction] = {entry.id: entry for entry in ACTIONS}
"""The table with the user's own keys. Written once when the screen is made, before anything reads it; one thread."""


def use(own: Mapping[str, tuple[str, ...]]) -> None:
    """From now on these actions have these keys and all others those of the table; see `tui.keymap.read`."""
    for entry in ACTIONS:
        _in_use[entry.id] = replace(entry, keys=own[entry.id]) if entry.id in own else entry


def actions() -> Iterable[KeyAction]:
    """Every action with the keys it has now, in table order."""
    return _in_use.values()


NAMES = {
    "slash": "/",
    "question_mark": "?",
    "comma": ",",
    "at": "@",
    "exclamation_mark": "!",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "asterisk": "*",
    "colon": ":",
    "full_stop": ".",
    "backslash": "\\",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_parenthesis": "(",
    "right_parenthesis": ")",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "space": "Space",
    "enter": "Enter",
    "escape": "Esc",
    "tab": "Tab",
    "backspace": "Backspace",
    "delete": "Del",
    "insert": "Ins",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
}
"""Textual's names of keys, and what people write."""


def action(id: str) -> KeyAction:
    """The entry with this id.

    Raises:
        KeyError: There is none.
    """
    return _in_use[id]


def key_of(id: str) -> str:
    """The key of an action as people write it, for words that mention it.

    >>> key_of("app.queue")
    'w'
    """
    return action(id).shown_key


def for_context(*contexts: Context) -> Iterator[KeyAction]:
    """The entries of these contexts, in table order."""
    return (entry for entry in actions() if entry.context in contexts)


def groups(*contexts: Context) -> dict[str, list[KeyAction]]:
    """The entries of these contexts under their headings, in table order."""
    found: dict[str, list[KeyAction]] = {}
    for entry in for_context(*contexts):
        found.setdefault(entry.group, []).append(entry)
    return found


def show_key(key: str) -> str:
    """A key as people write it.

    >>> [show_key(k) for k in ("question_mark", "ctrl+p", "f5", "G", "pageup")]
    ['?', 'Ctrl+P', 'F5', 'G', 'PgUp']
    """
    if key in NAMES:
        return NAMES[key]
    *modifiers, last = key.split("+")
    if modifiers:
        return "+".join([*(part.capitalize() for part in modifiers), show_key(last).upper()])
    return key.upper() if len(key) > 1 and key[0] == "f" and key[1:].isdigit() else key


def show_keys(entry: KeyAction) -> str:
    """All keys of an entry as people write them: ``c F5``."""
    return " ".join(show_key(key) for key in entry.keys)


def bindings(*contexts: Context) -> list[BindingType]:
    """Textual's bindings for these contexts; each carries its id, so that a key map can move it."""
    return [
        Binding(
            ",".join(entry.keys),
            entry.action,
            entry.label,
            show=bool(entry.footer),
            key_display=entry.shown_key,
            tooltip=entry.tooltip,
            id=entry.id,
        )
        for entry in for_context(*contexts)
    ]


def markdown_table() -> str:
    """The key table of the README."""
    titles = {
        Context.PANES: "In the panes",
        Context.QUEUE: "In the queue",
        Context.LIST: "In every list",
        Context.GLOBAL: "Anywhere",
    }
    lines: list[str] = []
    for context, title in titles.items():
        lines += [f"**{title}**", "", "| key | what it does | id |", "| --- | --- | --- |"]
        for entry in (each for each in ACTIONS if each.context is context):
            shown = " ".join(f"`{show_key(key)}`" for key in entry.keys).replace("|", "\\|")
            lines.append(f"| {shown} | {entry.help} | {entry.id} |")
        lines.append("")
    return "\n".join(lines)
