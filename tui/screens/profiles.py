"""Which profiles and endpoints there are, whose keys they use, and whether they answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.widgets import Static

from engine import Profile
from tui.screens.chooser import Line, ListScreen
from tui.screens.dialog import plain


@dataclass(frozen=True, slots=True)
class Entry:
    """One way to reach S3, as it is listed."""

    profile: Profile
    own: str | None = None
    """The endpoint's name in the settings file; ``None`` for what AWS tools know."""

    @property
    def words(self) -> str:
        """Name, endpoint, and what is special, raw."""
        profile = self.profile
        parts = [self.own or profile.name, profile.endpoint_url or profile.region or "AWS"]
        parts += ["read-only"] * profile.read_only + ["unsigned"] * profile.unsigned
        return " · ".join(parts)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done."""

    what: str
    """``show``, ``edit``, ``remove``, ``add`` or ``local``."""
    entry: Entry | None = None


class ProfilesScreen(ListScreen[Wish]):
    """Enter shows the buckets of a profile; endpoints of one's own can be added, changed and taken out.

    Args:
        entries: What there is, each with where its keys are kept.
        test: Asks its server and says what came of it.
        file: The settings file, by its name; empty where there is none to write to.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+t", "test", show=False, priority=True),
        Binding("ctrl+e", "wish('edit')", show=False, priority=True),
        Binding("delete,ctrl+d", "wish('remove')", show=False, priority=True),
    ]

    def __init__(
        self,
        entries: Mapping[Entry, str],
        *,
        test: Callable[[Profile], Awaitable[str]],
        file: str,
    ) -> None:
        self._entries, self._try, self._file = entries, test, file
        change = " · Ctrl+E: change · Ctrl+D: take out" if file else ""
        super().__init__(
            "Show in this pane", _lines(entries, file), hint=f"Enter: go · Ctrl+T: test{change} · Esc: back"
        )

    def about(self, value: object) -> str:
        """Whose keys are used."""
        match value:
            case Wish("show", Entry() as entry):
                return self._entries[entry]
            case Wish("add"):
                return f"An S3 server of yours: name and URL, written to {self._file}. Keys stay with the AWS tools."
            case Wish("local"):
                return "Your own folder on this machine"
        return ""

    @property
    def _entry(self) -> Entry | None:
        return self.chosen.entry if isinstance(self.chosen, Wish) else None

    def action_wish(self, what: str) -> None:
        """Close with what is to be done to an endpoint of one's own."""
        entry = self._entry
        if entry is not None and self._file:
            if entry.own is not None:
                self.dismiss(Wish(what, entry))
            else:
                self._say(
                    f"{entry.profile.name} is a profile of the AWS files: change it there (aws configure)"
                )

    def action_test(self) -> None:
        """Ask its server."""
        if self._entry is not None:
            self._ask(self._entry)

    @work(exclusive=True)
    async def _ask(self, entry: Entry) -> None:
        self._say("Asking…")
        said = await self._try(entry.profile)
        if self._entry == entry:
            self._say(said)

    def _say(self, text: str) -> None:
        self.query_one("#about", Static).update(plain(text))


def _lines(entries: Iterable[Entry], file: str) -> Iterator[Line]:
    entries = tuple(entries)
    own = [entry for entry in entries if entry.own is not None]
    if own:
        yield Line(None, f"Endpoints of {file}")
        yield from (Line(Wish("show", entry), f"  {entry.words}") for entry in own)
    theirs = [entry for entry in entries if entry.own is None]
    if theirs:
        yield Line(None, "Profiles of the AWS files")
        yield from (Line(Wish("show", entry), f"  {entry.words}") for entry in theirs)
    yield Line(None, "More")
    yield Line(Wish("local"), "  local disk")
    if file:
        yield Line(Wish("add"), "  Add an endpoint…", also="new s3 server url")
