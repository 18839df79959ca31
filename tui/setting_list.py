"""Every setting in words: what it is for, what it is without being set, and what goes before the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine import ConflictPolicy
from tui import format
from tui.toml_edit import Value


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the settings screen."""

    name: str
    """As in the file, and (with dashes) as a flag."""
    about: str
    default: str
    """What holds where nothing is set, in words."""
    choices: tuple[str, ...] = ()
    """All there is to choose from; empty where it is typed."""
    at_once: bool = False
    """A change counts for what is done from now on; else from the next start."""
    environment: tuple[str, ...] = ()
    """Variables that go before the file."""
    kind: str = "text"
    """``text``, ``flag``, ``count`` or ``list``: how it is written in the file."""
    has_flag: bool = True

    @property
    def flag(self) -> str:
        """The option of the command line; empty where there is none."""
        return f"--{self.name.replace('_', '-')}" if self.has_flag else ""

    def from_text(self, text: str) -> Value:
        """What was typed or chosen, as it is written in the file."""
        if self.kind == "flag":
            return text == "true"
        if self.kind == "list":
            return text.replace(",", " ").split()
        return int(text) if self.kind == "count" and text.isascii() and text.isdecimal() else text


def in_words(value: object) -> str:
    """A value as it stands in the file, or as a flag gave it."""
    match value:
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return " ".join(str(each) for each in value)
        case ConflictPolicy():
            return str(value.value)
    return str(value)


FLAG_WORDS: Mapping[str, Callable[[Any], str]] = {
    "part_size": format.size_long,
    "rate_limit": lambda limits: ":".join("off" if each is None else format.size(each) for each in limits),
}
"""Where what a flag was parsed to is not what was typed."""

_YES_NO = ("false", "true")

SETTINGS: tuple[Setting, ...] = (
    Setting("theme", "Colours. The sixteen of the terminal are ansi-dark and ansi-light", "dark",
            at_once=True, environment=("NO_COLOR", "TEXTUAL_THEME")),
    Setting("on_conflict", "What is done where the target exists", "ask",
            tuple(policy.value for policy in ConflictPolicy), at_once=True),
    Setting("workers", "Requests at a time, 1 to 64", "16", at_once=True, kind="count"),
    Setting("rate_limit", "Bytes per second: 10M, up:down as 5M:20M, or off", "off", at_once=True),
    Setting("part_size", "Size of the parts of large objects: 8M, 64MiB", "8M", at_once=True),
    Setting("retries", "Tries of each part after the first", "7", kind="count"),
    Setting("wait_for", "How long cp and run wait while nothing can move: 15m, 2h", "15m", has_flag=False),
    Setting("include", "Only names like these are copied: *.tar *.zst", "everything", at_once=True, kind="list"),
    Setting("exclude", "Names like these are not copied: *.tmp .git build/*", "nothing", at_once=True, kind="list"),
    Setting("require_checksum", "An equal size is not proof enough", "false", _YES_NO, at_once=True, kind="flag"),
    Setting("temp_dir", "Folder for unfinished downloads, on the same file system as the target",
            "beside the target", at_once=True),
    Setting("storage_class", "Storage class of what is uploaded: STANDARD_IA", "as the bucket says", at_once=True),
    Setting("sse", "Encryption on the server: AES256, aws:kms, aws:kms:KEY", "as the bucket says", at_once=True),
    Setting("request_payer", "Accept that requests are charged", "false", _YES_NO, kind="flag"),
    Setting("read_only", "Refuse whatever writes or deletes on S3", "false", _YES_NO, kind="flag"),
    Setting("profile", "Profile of the AWS files, or endpoint of this file, to open with", "default",
            environment=("AWS_PROFILE",)),
    Setting("state_dir", "Folder in which the queue is kept", "the state folder of the system",
            environment=("S3TUI_STATE_DIR",)),
    Setting("log_file", "File that is logged to, without secrets", "s3tui.log beside the queue"),
)  # fmt: skip
"""In the order in which they are shown."""
