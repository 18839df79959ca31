"""What the screen needs of the engine: two protocols, so that tests and pictures can bring their own.

`engine.TransferManager` and `engine.Browser` satisfy them. No method blocks; what takes time is asked
for once and then polled by token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from engine import (
    ConnectionId,
    EngineSnapshot,
    Event,
    Location,
    OperationId,
    Page,
    Problem,
    Profile,
    Request,
    TransferDetail,
    TransferId,
    View,
)


class ListingPort(Protocol):
    """How far a listing is."""

    @property
    def pages(self) -> tuple[Page, ...]:
        """Those after the ones already had."""
        ...

    @property
    def scanned(self) -> int:
        """Entries seen so far."""
        ...

    @property
    def done(self) -> bool:
        """Nothing more will come."""
        ...

    @property
    def problem(self) -> Problem | None:
        """Why it ended early."""
        ...


class AnswerPort(Protocol):
    """How far anything else that was asked is."""

    @property
    def done(self) -> bool:
        """`value` or `problem` is final."""
        ...

    @property
    def value(self) -> Any:
        """What was asked for; for counts also before the end."""
        ...

    @property
    def problem(self) -> Problem | None:
        """Why there is no answer."""
        ...


class BrowserPort(Protocol):
    """What panes ask. Every asking method returns a token at once."""

    def list(self, location: Location, *, show_hidden: bool = True) -> int:
        """List one folder, prefix, or the buckets."""
        ...

    def pages(self, token: int, after: int = 0) -> ListingPort:
        """What has come since the first `after` pages."""
        ...

    def cancel(self, token: int) -> None:
        """Nobody waits for it any more."""
        ...

    def answer(self, token: int) -> AnswerPort:
        """How far it is."""
        ...

    def details(self, location: Location) -> int:
        """All that is known of one file or object."""
        ...

    def count(self, locations: Sequence[Location]) -> int:
        """Objects and bytes at and below these."""
        ...

    def make_folder(self, location: Location) -> int:
        """Make a folder, or a marker object."""
        ...

    def rename(self, location: Location, new_name: str) -> int:
        """Rename one file or object in its folder."""
        ...

    def presign(self, location: Location, seconds: int) -> int:
        """A link that works for a while."""
        ...

    def complete(self, text: str, connection: ConnectionId | None) -> int:
        """How a path or address that is being typed may go on."""
        ...


class ManagerPort(Protocol):
    """The queue."""

    @property
    def browser(self) -> BrowserPort:
        """What panes ask."""
        ...

    def start(self) -> None:
        """Start the threads."""
        ...

    def close(self, deadline: float = 2.0) -> None:
        """Checkpoint and stop."""
        ...

    def submit(self, request: Request) -> OperationId:
        """Ask for something."""
        ...

    def pause(self, id: TransferId) -> None: ...
    def resume(self, id: TransferId) -> None: ...
    def cancel(self, id: TransferId) -> None: ...
    def retry(self, id: TransferId) -> None: ...
    def pause_all(self) -> None: ...
    def resume_all(self) -> None: ...
    def retry_failed(self) -> int: ...
    def clear_finished(self) -> int: ...
    def move(self, id: TransferId, by: int) -> None: ...
    def move_to_top(self, id: TransferId) -> None: ...
    def answer(self, id: TransferId, answer: str, *, for_operation: bool = False) -> None: ...
    def set_limits(self, upload: int | None, download: int | None) -> None: ...
    def set_workers(self, count: int) -> None: ...

    def snapshot(
        self, first: int = 0, count: int = 50, view: View = View.ALL, find: str = ""
    ) -> EngineSnapshot:
        """A window of the queue and the sums over all of it."""
        ...

    def detail(self, id: TransferId) -> TransferDetail | None:
        """Everything about one item."""
        ...

    def drain_events(self, limit: int = 100) -> list[Event]:
        """The rare facts since the last call."""
        ...

    def speed_history(self) -> tuple[float, ...]:
        """Bytes per second of each of the last 60 seconds, oldest first."""
        ...

    def profiles(self) -> tuple[Profile, ...]:
        """The profiles at hand."""
        ...

    def add_profile(self, profile: Profile) -> None:
        """Make another profile available."""
        ...
