"""A browser without threads, disks or servers: it answers from a dictionary of folders.

`hold` makes it deliver page by page, as `release` says.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine import (
    Answer,
    BucketContent,
    ChangeProgress,
    ConnectionId,
    ConnectionTest,
    CountProgress,
    Details,
    EntryKind,
    IncompleteUpload,
    ListingProgress,
    Location,
    ObjectProperties,
    ObjectRef,
    ObjectVersion,
    Page,
    Preview,
    Problem,
    PropertyChange,
    Token,
    TransferRequest,
    VersionListing,
    Wanted,
)
from tests.tui.fake_uploads import UploadAnswers

GIB = 1024**3
PAGE = 1000


@dataclass
class Entry:
    """One row of a fake folder."""

    name: str
    size: int = -1
    mtime: float = 0.0
    kind: EntryKind = EntryKind.FILE


def folder(name: str, mtime: float = 0.0) -> Entry:
    """A folder or prefix."""
    return Entry(name, -1, mtime, EntryKind.FOLDER)


def bucket(name: str, mtime: float = 0.0) -> Entry:
    """A bucket."""
    return Entry(name, -1, mtime, EntryKind.BUCKET)


def page_of(entries: Sequence[Entry]) -> Page:
    """The columns of these rows."""
    return Page(
        names=[e.name for e in entries],
        sizes=array("q", [e.size for e in entries]),
        mtimes=array("d", [e.mtime for e in entries]),
        kinds=bytearray(int(e.kind.value) for e in entries),
    )


@dataclass
class _Listing:
    pages: list[Page]
    problem: Problem | None
    released: int
    """Pages that may be delivered; all are when nothing is held."""
    cancelled: bool = False


@dataclass
class FakeBrowser(UploadAnswers):
    """Folders by address; anything may be replaced by a `Problem`."""

    folders: dict[str, list[Entry] | Problem] = field(default_factory=dict)
    hold: bool = False
    """Deliver pages only when `release` is called."""
    asked: list[tuple[str, Any]] = field(default_factory=list)
    """Every question, for tests to look at."""
    values: dict[str, Any] = field(default_factory=dict)
    """Answers by kind of question: ``count``, ``details``, ``presign``, ``complete``; a `Problem` fails it."""
    uploads: list[IncompleteUpload] = field(default_factory=list)
    """Uploads that were begun and not ended."""
    unfinished: set[str] = field(default_factory=set)
    """Kinds of questions whose answers are not final yet."""
    contents: dict[str, bytes] = field(default_factory=dict)
    """What is in files and objects, by address."""
    _tokens: dict[Token, _Listing | Answer] = field(default_factory=dict)
    _kinds: dict[Token, str] = field(default_factory=dict)

    def find(self, location: Location, wanted: Wanted) -> Token:
        """Names below a place that hold the text."""
        self.asked.append(("find", (location, wanted)))
        above = str(location.place)
        found = [
            replace(entry, name=f"{folder.removeprefix(above)}{entry.name}")
            for folder, entries in self.folders.items()
            if folder.startswith(above) and not isinstance(entries, Problem)
            for entry in entries
            if wanted.name in entry.name and entry.kind is EntryKind.FILE
        ]
        pages = [page_of(found[at : at + PAGE]) for at in range(0, len(found), PAGE)]
        return self._token(_Listing(pages, None, 0))

    def list(self, location: Location, *, show_hidden: bool = True, starting: str = "") -> Token:
        """Take a place from the dictionary."""
        self.asked.append(("list", location))
        found = self.folders.get(str(location.place))
        if found is None:
            problem = Problem(f"list {location.place}", "it does not exist", "Check it.", True, "no-such-key")
            listing = _Listing([], problem, 0)
        elif isinstance(found, Problem):
            listing = _Listing([], found, 0)
        else:
            shown = [e for e in found if show_hidden or not e.name.startswith(".")]
            pages = [page_of(shown[at : at + PAGE]) for at in range(0, len(shown), PAGE)]
            listing = _Listing(pages, None, 0)
        return self._token(listing)

    def _token(self, what: _Listing | Answer) -> Token:
        token = Token(len(self._tokens) + 1)
        self._tokens[token] = what
        return token

    def release(self, pages: int = 1) -> None:
        """Let every held listing go on by some pages."""
        for listing in self._tokens.values():
            if isinstance(listing, _Listing):
                listing.released += pages

    def pages(self, token: Token, after: int = 0) -> ListingProgress:
        """What may be delivered by now."""
        listing = self._tokens[token]
        assert isinstance(listing, _Listing)
        upto = min(listing.released, len(listing.pages)) if self.hold else len(listing.pages)
        scanned = sum(len(page) for page in listing.pages[:upto])
        done = upto == len(listing.pages) and not (self.hold and listing.released == 0)
        return ListingProgress(
            tuple(listing.pages[after:upto]), scanned, done, listing.problem if done else None
        )

    def cancel(self, token: Token) -> None:
        """Forget it."""
        listing = self._tokens.get(token)
        if isinstance(listing, _Listing):
            listing.cancelled = True

    def answer(self, token: Token) -> Answer:
        """At once."""
        found = self._tokens[token]
        assert isinstance(found, Answer)
        return replace(found, done=False) if self._kinds.get(token) in self.unfinished else found

    def _ask(self, kind: str, subject: Any, default: Any = None) -> Token:
        self.asked.append((kind, subject))
        value = self.values.get(kind, default)
        failed = isinstance(value, Problem)
        token = self._token(Answer(True, None, value) if failed else Answer(True, value, None))
        self._kinds[token] = kind
        return token

    def details(self, location: Location) -> Token:
        """A few facts."""
        return self._ask("details", location, Details(EntryKind.FILE, etag="abc", storage_class="STANDARD"))

    def count(self, locations: Sequence[Location]) -> Token:
        """Whatever `values` says."""
        return self._ask("count", tuple(locations), CountProgress(1204, 3 * GIB))

    def make_folder(self, location: Location) -> Token:
        """Add it."""
        place = str(location.place)
        up, _, name = place.rstrip("/").rpartition("/")
        rows = self.folders.get(up + "/")
        if isinstance(rows, list):
            rows.append(folder(name))
        self.folders[place] = []
        return self._ask("make_folder", location)

    def rename(self, location: Location, new_name: str) -> Token:
        """Rename it."""
        up, _, name = str(location.place).rstrip("/").rpartition("/")
        rows = self.folders.get(up + "/")
        if isinstance(rows, list):
            for row in rows:
                if row.name == name:
                    row.name = new_name
        return self._ask("rename", (location, new_name))

    def presign(self, location: Location, seconds: int) -> Token:
        """A link."""
        return self._ask("presign", (location, seconds), f"https://example.invalid/{location.place}?X-Amz")

    def test_connection(self, connection: ConnectionId, bucket: str = "") -> Token:
        """It answers, and has three buckets."""
        return self._ask("test", connection, ConnectionTest(0.084, 3))

    def preview(self, location: Location, offset: int = 0, etag: str = "", most: int = 65536) -> Token:
        """What `contents` holds for it, in pieces as the engine gives them."""
        data, piece = self.contents.get(str(location.place), b"hello\n"), most
        start = max(len(data) - piece, 0) if offset < 0 else offset
        found = data[start : start + piece]
        default = Preview(found, start, len(found), len(data), "abc")
        return self._ask("preview", (location, offset, etag, most), default)

    def versions(self, location: Location) -> Token:
        """Whatever `values` says."""
        return self._ask("versions", location, VersionListing("off"))

    def restore_versions(self, location: Location, chosen: Sequence[ObjectVersion]) -> Token:
        """All of them."""
        return self._ask(
            "restore_versions", (location, tuple(chosen)), ChangeProgress(len(chosen), len(chosen))
        )

    def delete_versions(self, location: Location, chosen: Sequence[ObjectVersion]) -> Token:
        """All of them."""
        return self._ask(
            "delete_versions", (location, tuple(chosen)), ChangeProgress(len(chosen), len(chosen))
        )

    def plan_ahead(self, request: TransferRequest, *, extras: bool = False) -> Token:
        """A plan by the folders there are, unless `values` has another."""
        from tests.tui.fake_plan import plan_of

        return self._ask("plan_ahead", (request, extras), plan_of(self.folders, request, extras=extras))

    def properties(self, location: Location) -> Token:
        """A few."""
        default = ObjectProperties(14_220, "abc", "STANDARD", (("content-type", "application/json"),), (), ())
        return self._ask("properties", location, default)

    def change_properties(
        self, connection: ConnectionId, targets: Sequence[tuple[ObjectRef, str]], wanted: PropertyChange
    ) -> Token:
        """All of them."""
        done = ChangeProgress(len(targets), len(targets))
        return self._ask("change_properties", (tuple(targets), wanted), done)

    def bucket_content(self, location: Location) -> Token:
        """Nothing, unless `values` says otherwise."""
        return self._ask("bucket_content", location, BucketContent())

    def remove_bucket(self, location: Location) -> Token:
        """Gone."""
        rows = self.folders.get("s3://")
        if isinstance(rows, list) and not isinstance(self.values.get("remove_bucket"), Problem):
            rows[:] = [row for row in rows if str(location.place) != f"s3://{row.name}/"]
        return self._ask("remove_bucket", location)

    def complete(self, text: str, connection: ConnectionId | None, here: Location | None = None) -> Token:
        """Names that begin so."""
        return self._ask("complete", text, tuple(p for p in sorted(self.folders) if p.startswith(text)))

    def free_space(self, location: Location) -> Token:
        """The same everywhere."""
        return self._token(Answer(True, self.values.get("free_space", 91 * GIB), None))
