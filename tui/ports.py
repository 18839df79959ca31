"""What the screen needs of the engine: two protocols, so that tests and pictures can bring their own.

`engine.TransferManager` and `engine.Browser` satisfy them. No method blocks; what takes time is asked
for once and then polled by token.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from engine import (
    Adoptable,
    Answer,
    ConnectionId,
    EngineSnapshot,
    Event,
    IncompleteUpload,
    ListingProgress,
    Location,
    ObjectRef,
    ObjectVersion,
    OperationId,
    OwnUpload,
    Plan,
    PlanChoice,
    Profile,
    PropertyChange,
    Request,
    Token,
    TransferDetail,
    TransferId,
    TransferOptions,
    TransferRequest,
    TransferSnapshot,
    Trouble,
    Undone,
    View,
    Wanted,
)


class BrowserPort(Protocol):
    """What panes ask. Every asking method returns a token at once; see `engine.Browser`."""

    def list(self, location: Location, *, show_hidden: bool = True, starting: str = "") -> Token:
        """List one folder, prefix, or the buckets; of a prefix perhaps only what begins so."""
        ...

    def find(self, location: Location, wanted: Wanted) -> Token:
        """Find files or objects below a place; they come as `pages`."""
        ...

    def pages(self, token: Token, after: int = 0) -> ListingProgress:
        """What has come since the first `after` pages."""
        ...

    def cancel(self, token: Token) -> None:
        """Nobody waits for it any more, or its answer was taken."""
        ...

    def answer(self, token: Token) -> Answer:
        """How far anything but a listing is."""
        ...

    def details(self, location: Location) -> Token:
        """All that is known of one place. Value: `Details`."""
        ...

    def count(self, locations: Sequence[Location]) -> Token:
        """Objects and bytes at and below these. Value: `CountProgress`, growing until done."""
        ...

    def free_space(self, location: Location) -> Token:
        """Bytes that may still be written below a local folder. Value: ``int``."""
        ...

    def make_folder(self, location: Location) -> Token:
        """Make a folder, a marker object, or a bucket."""
        ...

    def rename(self, location: Location, new_name: str) -> Token:
        """Rename one file or object in its folder; ``use-queue`` where that is a move."""
        ...

    def presign(self, location: Location, seconds: int) -> Token:
        """A link that works for a while. Value: ``str``, a secret."""
        ...

    def incomplete_uploads(self, location: Location) -> Token:
        """Uploads to a bucket or below a prefix that were not ended. Value: `UploadsFound`, growing."""
        ...

    def match_upload(self, location: Location, upload_id: str, path: str) -> Token:
        """Whether an incomplete upload is of that file. Value: `MatchProgress`, growing."""
        ...

    def preview(self, location: Location, offset: int = 0, etag: str = "", most: int = 65536) -> Token:
        """A piece of a file or an object, of at most so many bytes. Value: `Preview`."""
        ...

    def versions(self, location: Location) -> Token:
        """Versions of an object, or of all below a prefix. Value: `VersionListing`, growing."""
        ...

    def restore_versions(self, location: Location, chosen: Sequence[ObjectVersion]) -> Token:
        """Make these current again. Value: `ChangeProgress`, growing."""
        ...

    def delete_versions(self, location: Location, chosen: Sequence[ObjectVersion]) -> Token:
        """Delete these for good. Value: `ChangeProgress`, growing."""

    def plan_ahead(self, request: TransferRequest, *, extras: bool = False) -> Token:
        """What a request would do. Value: `Plan`, there at once, filling until done."""
        ...

    def properties(self, location: Location) -> Token:
        """What can be changed of an object. Value: `ObjectProperties`."""
        ...

    def change_properties(
        self, connection: ConnectionId, targets: Sequence[tuple[ObjectRef, str]], wanted: PropertyChange
    ) -> Token:
        """Change storage class, headers, metadata or tags. Value: `ChangeProgress`, growing."""
        ...

    def bucket_content(self, location: Location) -> Token:
        """What is in a bucket, older versions and unfinished uploads too. Value: `BucketContent`, growing."""
        ...

    def remove_bucket(self, location: Location) -> Token:
        """Remove an empty bucket; ``bucket-not-empty`` where it is not."""
        ...

    def test_connection(self, connection: ConnectionId, bucket: str = "") -> Token:
        """Whether an endpoint answers, and like S3. Value: `ConnectionTest`."""
        ...

    def complete(self, text: str, connection: ConnectionId | None, here: Location | None = None) -> Token:
        """How an address that is being typed may go on. Value: ``tuple[str, ...]``, whole lines."""
        ...


class ManagerPort(Protocol):
    """The queue."""

    @property
    def browser(self) -> BrowserPort:
        """What panes ask."""
        ...

    @property
    def notices(self) -> tuple[str, ...]:
        """What had to be mended at the start, and what this machine is short of."""
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

    def submit_plan(self, plan: Plan, choice: PlanChoice) -> OperationId | None:
        """Queue what was chosen of a plan."""
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
    def limit_item(self, id: TransferId, bytes_per_second: int | None) -> None: ...
    def limit_operation(self, id: OperationId, bytes_per_second: int | None) -> None: ...

    def pause_operation(self, id: OperationId) -> None: ...
    def resume_operation(self, id: OperationId) -> None: ...
    def cancel_operation(self, id: OperationId) -> None: ...
    def retry_operation(self, id: OperationId) -> None: ...
    def move_operation_to_top(self, id: OperationId) -> None: ...
    def undo_delete(self) -> Undone: ...
    def troubles(self) -> tuple[Trouble, ...]: ...
    def move_past(self, id: TransferId, other: int, *, up: bool) -> None: ...

    def snapshot(
        self,
        first: int = 0,
        count: int = 50,
        view: View = View.ALL,
        find: str = "",
        opened: Collection[OperationId] | None = None,
    ) -> EngineSnapshot:
        """A window of the queue and the sums over all of it; with `opened`, items under their operations."""
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

    def resumed(self, count: int) -> tuple[TransferSnapshot, ...]:
        """Items that went on by themselves at the start, as they are now."""
        ...

    def own_uploads(self) -> tuple[OwnUpload, ...]:
        """Uploads on servers with which items go on."""
        ...

    def abort_uploads(self, connection: ConnectionId, uploads: Sequence[IncompleteUpload]) -> Token:
        """Give these up; ask the browser how far it is. Value: `AbortProgress`, growing."""
        ...

    def adopt(self, found: Adoptable, options: TransferOptions) -> TransferId:
        """Queue an upload that goes on with what was found."""
        ...

    def profiles(self) -> tuple[Profile, ...]:
        """The profiles at hand."""
        ...

    def add_profile(self, profile: Profile) -> None:
        """Make another profile available."""
        ...
