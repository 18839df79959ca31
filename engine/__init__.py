"""Moves bytes between local disks and S3, and remembers. The only door: whoever is outside imports from here.

What needs boto3 loads it when it first talks to a server, never on import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.config import EngineConfig
from engine.errors import (
    Condition,
    EngineError,
    Problem,
    StateDamaged,
    StateError,
    StateLocked,
    StateTooNew,
    StateUnsafe,
    TransferError,
    UsageError,
    explain,
    refusal,
)
from engine.model import (
    DEFAULT_PART_SIZE,
    ConflictPolicy,
    ConnectionId,
    DeleteRequest,
    Facts,
    ItemKind,
    LocalRef,
    Location,
    ObjectRef,
    OperationId,
    Outcome,
    Place,
    Request,
    TransferId,
    TransferOptions,
    TransferRequest,
    TransferState,
    Verified,
)
from engine.pace.cancel import CancelToken
from engine.page import EntryKind, Page
from engine.s3.facts import ObjectVersion
from engine.s3.profiles import Profile, find_profiles, has_credentials_hint, looked_for, resolve_profile
from engine.secrets import hide_secrets
from engine.snapshot import (
    EngineSnapshot,
    Event,
    GroupFacts,
    Health,
    PartSnapshot,
    Question,
    Totals,
    TransferDetail,
    TransferSnapshot,
    Trouble,
    Undone,
    View,
    Waiting,
)

if TYPE_CHECKING:
    from engine.browser import (
        Answer,
        Browser,
        ConnectionTest,
        CountProgress,
        Details,
        ListingProgress,
        Token,
        Wanted,
    )
    from engine.browsing.adopting import Adoptable, MatchProgress
    from engine.browsing.buckets import BucketContent
    from engine.browsing.preview import Preview
    from engine.browsing.properties import ObjectProperties, PropertyChange
    from engine.browsing.uploads import AbortProgress, IncompleteUpload, UploadsFound
    from engine.browsing.versions import ChangeProgress, VersionListing
    from engine.manager import OperationProgress, TransferManager
    from engine.planner import Planner
    from engine.planning.plan import Plan, PlanChoice, PlanClass, PlanCost, PlanCount, PlanRow, PlanTally
    from engine.queue.uploads import OwnUpload
    from engine.reading import SavedQueue, read_history, read_queue
    from engine.s3.connection import Connections
    from engine.s3.listing import list_pages
    from engine.state.lock import prepare_state_dir
    from engine.state.records import FinishedItem
    from engine.verifying import Compared, verify

_LATER = {
    "AbortProgress": "engine.browsing.uploads",
    "Adoptable": "engine.browsing.adopting",
    "Answer": "engine.browser",
    "Browser": "engine.browser",
    "BucketContent": "engine.browsing.buckets",
    "ChangeProgress": "engine.browsing.versions",
    "Compared": "engine.verifying",
    "ConnectionTest": "engine.browser",
    "Connections": "engine.s3.connection",
    "CountProgress": "engine.browser",
    "Details": "engine.browser",
    "FinishedItem": "engine.state.records",
    "IncompleteUpload": "engine.browsing.uploads",
    "ListingProgress": "engine.browser",
    "MatchProgress": "engine.browsing.adopting",
    "ObjectProperties": "engine.browsing.properties",
    "OperationProgress": "engine.manager",
    "OwnUpload": "engine.queue.uploads",
    "Plan": "engine.planning.plan",
    "PlanChoice": "engine.planning.plan",
    "PlanClass": "engine.planning.plan",
    "PlanCost": "engine.planning.plan",
    "PlanCount": "engine.planning.plan",
    "PlanRow": "engine.planning.plan",
    "PlanTally": "engine.planning.plan",
    "Planner": "engine.planner",
    "Preview": "engine.browsing.preview",
    "PropertyChange": "engine.browsing.properties",
    "SavedQueue": "engine.reading",
    "Token": "engine.browser",
    "TransferManager": "engine.manager",
    "UploadsFound": "engine.browsing.uploads",
    "VersionListing": "engine.browsing.versions",
    "Wanted": "engine.browser",
    "list_pages": "engine.s3.listing",
    "prepare_state_dir": "engine.state.lock",
    "read_history": "engine.reading",
    "read_queue": "engine.reading",
    "verify": "engine.verifying",
}
"""Names whose modules are loaded when they are first asked for."""

__all__ = [
    "DEFAULT_PART_SIZE",
    "AbortProgress",
    "Adoptable",
    "Answer",
    "Browser",
    "BucketContent",
    "CancelToken",
    "ChangeProgress",
    "Compared",
    "Condition",
    "ConflictPolicy",
    "ConnectionId",
    "ConnectionTest",
    "Connections",
    "CountProgress",
    "DeleteRequest",
    "Details",
    "EngineConfig",
    "EngineError",
    "EngineSnapshot",
    "EntryKind",
    "Event",
    "Facts",
    "FinishedItem",
    "GroupFacts",
    "Health",
    "IncompleteUpload",
    "ItemKind",
    "ListingProgress",
    "LocalRef",
    "Location",
    "MatchProgress",
    "ObjectProperties",
    "ObjectRef",
    "ObjectVersion",
    "OperationId",
    "OperationProgress",
    "Outcome",
    "OwnUpload",
    "Page",
    "PartSnapshot",
    "Place",
    "Plan",
    "PlanChoice",
    "PlanClass",
    "PlanCost",
    "PlanCount",
    "PlanRow",
    "PlanTally",
    "Planner",
    "Preview",
    "Problem",
    "Profile",
    "PropertyChange",
    "Question",
    "Request",
    "SavedQueue",
    "StateDamaged",
    "StateError",
    "StateLocked",
    "StateTooNew",
    "StateUnsafe",
    "Token",
    "Totals",
    "TransferDetail",
    "TransferError",
    "TransferId",
    "TransferManager",
    "TransferOptions",
    "TransferRequest",
    "TransferSnapshot",
    "TransferState",
    "Trouble",
    "Undone",
    "UploadsFound",
    "UsageError",
    "Verified",
    "VersionListing",
    "View",
    "Waiting",
    "Wanted",
    "explain",
    "find_profiles",
    "has_credentials_hint",
    "hide_secrets",
    "list_pages",
    "looked_for",
    "prepare_state_dir",
    "read_history",
    "read_queue",
    "refusal",
    "resolve_profile",
    "verify",
]


def __getattr__(name: str) -> Any:
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module 'engine' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(module), name)
