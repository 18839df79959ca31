"""What the panes ask: listings, details, counts, small changes; answered on threads, polled by token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.browsing import changes, counting, describing, finding, questions
from engine.browsing.answers import Answer, ConnectionTest, CountProgress, Details, ListingProgress, Token
from engine.browsing.completion import complete
from engine.browsing.desk import Desk, Question
from engine.browsing.finding import Wanted
from engine.browsing.object_desk import ObjectDesk
from engine.browsing.upload_desk import UploadDesk
from engine.local.fsops import FsOps
from engine.model import ConnectionId, Location, TransferRequest
from engine.pace.clock import Clock, SystemClock

if TYPE_CHECKING:
    from engine.s3.connection import Connections

__all__ = [
    "Answer",
    "Browser",
    "ConnectionTest",
    "CountProgress",
    "Details",
    "ListingProgress",
    "Token",
    "Wanted",
]


class Browser(ObjectDesk, UploadDesk):
    """Asks disks and servers on behalf of a screen.

    Every asking method returns a token at once, from any thread; no disk, no network and no import
    of boto3 happens on the caller's thread. `pages` (for `list`) and `answer` (for all else) say
    how far it is. Whoever loses interest calls `cancel`, which also frees what was found; finished
    answers that nobody cancels are kept for a while, the newest ones.

    An empty place, a denied one and an unreachable one differ: `problem.code` says which.
    """

    def __init__(self, connections: Connections, fs: FsOps | None = None, clock: Clock | None = None) -> None:
        self._connections = connections
        self._fs = fs or FsOps()
        self._clock = clock or SystemClock()
        self._desk = Desk()
        self._completing: Token | None = None
        """The newest completion; written and read by the one thread that asks for completions."""

    def close(self) -> None:
        """Stop all work; does not wait for it. Later questions are answered with a problem."""
        self._desk.close()

    # -- listings ----------------------------------------------------------------------------------

    def list(self, location: Location, *, show_hidden: bool = True, starting: str = "") -> Token:
        """List a folder, a prefix, or (`ObjectRef` without bucket) the buckets, one level deep.

        Entries come in no promised order. A prefix with nothing below it is an empty listing: in S3
        that is not different from one that does not exist.

        Args:
            starting: Of a prefix, only what is called so or longer, and begins so: the server leaves out the rest.
        """

        def work(question: Question) -> None:
            questions.list_into(question, location, show_hidden, self._connections, self._fs, starting)

        return self._desk.ask(f"list {location.place}", work, listing=True)

    def find(self, location: Location, wanted: Wanted) -> Token:
        """Find files or objects below a place; what is found comes as `pages`, named by its path below the place.

        `ListingProgress.scanned` says how many were looked at.
        """

        def work(question: Question) -> None:
            finding.find_into(question, location, wanted, self._connections, self._fs)

        return self._desk.ask(f"look for {wanted.name or 'files'} in {location.place}", work, listing=True)

    def pages(self, token: Token | int, after: int = 0) -> ListingProgress:
        """The pages of a listing from index `after` on, as far as they have come."""
        return self._desk.pages(Token(token), after)

    def cancel(self, token: Token | int) -> None:
        """Nobody waits for this any more, or its answer was taken. Unknown tokens are ignored."""
        self._desk.cancel(Token(token))

    # -- questions ---------------------------------------------------------------------------------

    def answer(self, token: Token | int) -> Answer:
        """How far anything but a listing is."""
        return self._desk.answer(Token(token))

    def buckets(self, connection: ConnectionId) -> Token:
        """Names of all buckets. Value: ``tuple[str, ...]``."""
        return self._desk.ask(
            f"list buckets of {connection}",
            lambda question: question.show(questions.bucket_names(self._connections.get(connection))),
        )

    def details(self, location: Location) -> Token:
        """All that is known of one place, symlinks not followed. Value: `Details`, growing until done."""

        def work(question: Question) -> None:
            for found in describing.describe(location, self._connections, self._fs, question.cancel):
                question.show(found)

        return self._desk.ask(f"look at {location.place}", work)

    def count(self, locations: Sequence[Location]) -> Token:
        """Objects and bytes at and below these places. Value: `CountProgress`, growing until done."""
        places = tuple(locations)
        what = f"count {places[0].place}" if len(places) == 1 else f"count {len(places)} places"

        def work(question: Question) -> None:
            for progress in counting.count(places, self._connections, self._fs, question.cancel):
                question.show(progress)

        return self._desk.ask(what, work)

    def plan_ahead(self, request: TransferRequest, *, extras: bool = False) -> Token:
        """What a request would do, before it is asked for. Value: `Plan`, there at once, filling until done.

        Args:
            extras: Find what is only at the target too; the request is the content of one folder.
        """
        from engine.browsing.planning_ahead import plan_ahead

        def work(question: Question) -> None:
            plan_ahead(question, request, self._connections, self._fs, self._clock, extras=extras)

        return self._desk.ask(f"look at what goes to {request.target}", work)

    def free_space(self, location: Location) -> Token:
        """Bytes that may still be written below a local folder. Value: ``int``."""
        return self._desk.ask(
            f"look at {location.place}",
            lambda question: question.show(questions.free_space(location, self._fs)),
        )

    def complete(self, text: str, connection: ConnectionId | None, here: Location | None = None) -> Token:
        """How a typed path or ``s3://`` address may go on. Value: ``tuple[str, ...]``, whole lines.

        Only folders, prefixes and buckets are offered; where nothing can be looked up, nothing is.
        One line is typed at a time: asking again cancels the completion asked for before.

        Args:
            connection: Reaches ``s3://`` addresses.
            here: The folder that relative paths are relative to.
        """
        if self._completing is not None:
            self._desk.cancel(self._completing)
        self._completing = token = self._desk.ask(
            f"complete {text}",
            lambda question: question.show(
                complete(text, connection, here, self._connections, self._fs, question.cancel)
            ),
        )
        return token

    def presign(self, location: Location, seconds: int) -> Token:
        """A link to one object that works for `seconds`. Value: ``str``, a secret."""
        return self._desk.ask(
            f"sign a link to {location.place}",
            lambda question: question.show(questions.presign(location, seconds, self._connections)),
        )

    def test_connection(self, connection: ConnectionId, bucket: str = "") -> Token:
        """Whether an endpoint answers, and like S3. Value: `ConnectionTest`.

        Args:
            bucket: Ask for this bucket; else for the list of buckets, where a denial is an answer too.
        """
        return self._desk.ask(
            f"connect to {connection}",
            lambda question: question.show(
                questions.try_connection(
                    self._connections.get(connection), bucket, self._clock, question.cancel
                )
            ),
        )

    # -- small changes -----------------------------------------------------------------------------

    def make_folder(self, location: Location) -> Token:
        """Make one folder, a marker object ending in ``/``, or (no key) a bucket. Value: `Location`.

        Problems: ``target-exists``, ``read-only`` and what disk or server say.
        """
        return self._desk.ask(
            f"make {location.place}",
            lambda question: question.show(
                changes.make_folder(location, self._connections, self._fs, question.cancel)
            ),
        )

    def rename(self, location: Location, new_name: str) -> Token:
        """Rename a local file or folder, or one object, within its folder. Value: the new `Location`.

        Never replaces what has that name (``target-exists``). An object is copied on the server, the
        copy is compared, and only then the old one deleted; above 5 GiB, and for prefixes, this is a
        move through the queue: the problem is ``use-queue``.
        """
        return self._desk.ask(
            f"rename {location.place}",
            lambda question: question.show(changes.rename(location, new_name, self._connections, self._fs)),
        )
