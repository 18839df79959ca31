"""A plan to look at before anything is queued: what a request would move, class by class.

One thread fills it (`engine.browsing.planning_ahead`) while another looks and decides.
"""

from __future__ import annotations

import threading
from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from engine.model import (
    ConflictPolicy,
    DeleteRequest,
    LocalRef,
    TransferOptions,
    TransferRequest,
    TransferSpec,
    Verified,
)
from engine.planning.costs import requests_of

MOST_PLANNED = 100_000
"""Items up to which a plan holds every name (about 1 KiB each); larger ones are counted only."""


class PlanClass(Enum):
    """What an item of a plan is, by what stands at its target."""

    NEW = "new"
    """Nothing stands there."""
    SAME = "identical"
    """Both sides hold the same, by the test that is named."""
    UNTESTED = "not compared yet"
    """Something of the same size stands there, or it could not be seen whether something does."""
    DIFFERS = "differs"
    REFUSED = "cannot be copied"
    """It cannot be done at all: a name that cannot be, a file that may not be read."""
    EXTRA = "only at the target"
    """Of a sync: nothing at the source goes there."""


@dataclass(frozen=True, slots=True)
class PlanCount:
    """One class in numbers."""

    items: int = 0
    bytes: int = 0
    left_out: int = 0
    """Of `items`, those that were unticked one by one."""


@dataclass(frozen=True, slots=True)
class PlanTally:
    """How a plan stands."""

    counts: Mapping[PlanClass, PlanCount]
    proofs: Mapping[Verified, int]
    """By which test the identical ones are known: ``SIZE`` is size and time."""
    scanned: bool
    """Every item is known."""
    compared: bool
    """Every item that can be compared was."""
    is_too_long: bool
    """More than `MOST_PLANNED`: counted by listings only, without names."""

    def count(self, *classes: PlanClass) -> PlanCount:
        """Several classes together."""
        found = [self.counts.get(each, PlanCount()) for each in classes]
        return PlanCount(
            sum(each.items for each in found),
            sum(each.bytes for each in found),
            sum(each.left_out for each in found),
        )


@dataclass(frozen=True, slots=True)
class PlanCost:
    """What a choice would do."""

    items: int
    bytes: int
    requests: int
    """About."""
    deletions: int = 0
    deleted_bytes: int = 0


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One item, for a list on a screen. Raw."""

    spec: TransferSpec
    is_chosen: bool
    what: PlanClass
    proof: Verified | None = None
    why: str = ""
    """In what it differs, or the refusal's code."""


@dataclass(frozen=True, slots=True)
class PlanChoice:
    """What is done with each class. ``None`` leaves it out."""

    new: bool = True
    differs: ConflictPolicy | None = ConflictPolicy.NEWER
    """For what was not compared yet too: it is, when its turn comes."""
    same: ConflictPolicy | None = None
    """``OVERWRITE`` moves the bytes again; of a move ``SKIP`` deletes the source, once that is verified."""


class _Weights:
    """Items, bytes and requests of a part of a plan."""

    __slots__ = ("bytes", "items", "requests")

    def __init__(self) -> None:
        self.items = self.bytes = self.requests = 0

    def add(self, spec: TransferSpec, by: int = 1) -> None:
        self.items += by
        self.bytes += by * max(spec.size, 0)
        self.requests += by * requests_of(spec)


class _Class:
    """One class: what is in it, what of that is left out, and where its items are."""

    __slots__ = ("all", "out", "rows")

    def __init__(self) -> None:
        self.all, self.out = _Weights(), _Weights()
        self.rows = array("I")


class Plan:
    """The items of one request by class.

    Guarantees:
        Every method is safe from any thread and waits for no disk or server. `_lock` is a leaf and
        guards everything below. The items are added and settled by the one thread that scans; ticks
        are changed by whoever looks.
    """

    def __init__(self, request: TransferRequest) -> None:
        self.request = request
        self._lock = threading.Lock()
        self._specs: list[TransferSpec] = []
        self._whats: list[PlanClass] = []
        self._out = bytearray()
        self._proofs: dict[int, Verified] = {}
        self._whys: dict[int, str] = {}
        self._proven: Counter[Verified] = Counter()
        self._classes = {what: _Class() for what in PlanClass}
        self._settled = 0
        """Rows of UNTESTED that were looked at; they stay at the front of its rows."""
        self._to_compare = 0
        """Rows of UNTESTED to be looked at. Behind them come those that could not be compared."""
        self._scanned = self._compared = self._too_long = False

    # -- for the thread that scans -----------------------------------------------------------------

    def add(self, spec: TransferSpec, what: PlanClass, why: str = "", proof: Verified | None = None) -> None:
        """One more item. What is only at the target is left out at first."""
        with self._lock:
            found = self._classes[what]
            found.all.add(spec)
            if proof is not None:
                self._proven[proof] += 1
            if not self._too_long and len(self._specs) >= MOST_PLANNED:
                self._forget_names()
            if self._too_long:
                return
            index, is_out = len(self._specs), what is PlanClass.EXTRA
            self._specs.append(spec)
            self._whats.append(what)
            self._out.append(is_out)
            found.rows.append(index)
            self._to_compare += what is PlanClass.UNTESTED
            if is_out:
                found.out.add(spec)
            self._note(index, proof, why)

    def _forget_names(self) -> None:
        """The sums stay; what was left out one by one counts again."""
        self._too_long = True
        self._specs, self._whats, self._out = [], [], bytearray()
        self._proofs, self._whys, self._settled, self._to_compare = {}, {}, 0, 0
        for found in self._classes.values():
            found.rows, found.out = array("I"), _Weights()

    def _note(self, index: int, proof: Verified | None, why: str) -> None:
        if proof is not None:
            self._proofs[index] = proof
        if why:
            self._whys[index] = why

    def next_untested(self) -> TransferSpec | None:
        """What is to be compared next, if anything is."""
        with self._lock:
            rows = self._classes[PlanClass.UNTESTED].rows
            return self._specs[rows[self._settled]] if self._settled < self._to_compare else None

    def settle(
        self, spec: TransferSpec, what: PlanClass, why: str = "", proof: Verified | None = None
    ) -> None:
        """The verdict on the item of `next_untested`; `spec` may know more of its target now.

        What cannot be compared stays UNTESTED, and is not given out again.
        """
        with self._lock:
            before, after = self._classes[PlanClass.UNTESTED], self._classes[what]
            index = before.rows[self._settled]
            self._settled += 1
            before.all.add(self._specs[index], -1)
            after.all.add(spec)
            if self._out[index]:
                before.out.add(self._specs[index], -1)
                after.out.add(spec)
            self._specs[index], self._whats[index] = spec, what
            after.rows.append(index)
            if proof is not None:
                self._proven[proof] += 1
            self._note(index, proof, why)

    def end_scan(self) -> None:
        """Nothing more will be added."""
        with self._lock:
            self._scanned = True

    def end_comparing(self) -> None:
        """Nothing more will be settled."""
        with self._lock:
            self._compared = True

    # -- for whoever looks -------------------------------------------------------------------------

    def tally(self) -> PlanTally:
        """The numbers as they are now."""
        with self._lock:
            counts = {
                what: PlanCount(found.all.items, found.all.bytes, found.out.items)
                for what, found in self._classes.items()
                if found.all.items
            }
            return PlanTally(counts, dict(self._proven), self._scanned, self._compared, self._too_long)

    def row_count(self, what: PlanClass) -> int:
        """How many `rows` there are."""
        with self._lock:
            return len(self._classes[what].rows) - self._first(what)

    def rows(self, what: PlanClass, first: int = 0, count: int = 100) -> list[PlanRow]:
        """A window of one class, in the order in which they came."""
        with self._lock:
            start = self._first(what) + first
            return [
                PlanRow(
                    self._specs[i],
                    not self._out[i],
                    self._whats[i],
                    self._proofs.get(i),
                    self._whys.get(i, ""),
                )
                for i in self._classes[what].rows[start : start + count]
            ]

    def _first(self, what: PlanClass) -> int:
        return self._settled if what is PlanClass.UNTESTED else 0

    def tick(self, what: PlanClass, position: int) -> None:
        """Leave one item out, or take it in again."""
        with self._lock:
            rows = self._classes[what].rows
            row = position + self._first(what)
            if 0 <= row < len(rows):
                self._tick(what, rows[row], bool(self._out[rows[row]]))

    def tick_all(self, what: PlanClass, on: bool) -> None:
        """Take all items of a class in, or leave all out."""
        with self._lock:
            for index in self._classes[what].rows[self._first(what) :]:
                self._tick(what, index, on)

    def _tick(self, what: PlanClass, index: int, on: bool) -> None:
        if bool(self._out[index]) == on:
            self._out[index] = not on
            self._classes[what].out.add(self._specs[index], -1 if on else 1)

    def cost(self, choice: PlanChoice) -> PlanCost:
        """What would be moved, and what that takes."""
        with self._lock:
            items = moved = requests = 0
            for what, found in self._classes.items():
                if self._options(what, choice) is None:
                    continue
                taken = found.all.items - found.out.items
                items += taken
                if what is PlanClass.SAME and choice.same is ConflictPolicy.SKIP:
                    requests += taken  # The source is deleted, and nothing is moved.
                    continue
                moved += found.all.bytes - found.out.bytes
                requests += found.all.requests - found.out.requests
            extra = self._classes[PlanClass.EXTRA]
            left = extra.all.items - extra.out.items
            return PlanCost(items, moved, requests, left, extra.all.bytes - extra.out.bytes)

    # -- the end -----------------------------------------------------------------------------------

    def chosen(self, choice: PlanChoice) -> list[TransferSpec]:
        """What is to be moved, each item with its policy."""
        options = {what: self._options(what, choice) for what in PlanClass}
        with self._lock:
            return [
                spec if wanted == spec.options else replace(spec, options=wanted)
                for spec, what, out in zip(self._specs, self._whats, self._out, strict=True)
                if not out and (wanted := options[what]) is not None
            ]

    def deletions(self) -> DeleteRequest | None:
        """What is to be deleted at the target: what of EXTRA was ticked."""
        with self._lock:
            rows = self._classes[PlanClass.EXTRA].rows
            places = tuple(self._specs[index].target for index in rows if not self._out[index])
        on_disk = isinstance(self.request.target, LocalRef)
        return DeleteRequest(places, None if on_disk else self.request.connection) if places else None

    def as_request(self, choice: PlanChoice) -> TransferRequest:
        """The same as a request, where not every item is known."""
        options = replace(
            self.request.options,
            on_conflict=choice.differs or ConflictPolicy.SKIP,
            skip_identical=choice.same is not ConflictPolicy.OVERWRITE,
        )
        return replace(self.request, options=options)

    def _options(self, what: PlanClass, choice: PlanChoice) -> TransferOptions | None:
        given = self.request.options
        match what:
            case PlanClass.NEW:
                return given if choice.new else None
            case PlanClass.DIFFERS if choice.differs is not None:
                return replace(given, on_conflict=choice.differs)
            case PlanClass.UNTESTED:
                return replace(given, on_conflict=choice.differs or ConflictPolicy.SKIP)
            case PlanClass.SAME if choice.same is not None:
                again = choice.same is ConflictPolicy.OVERWRITE
                return replace(given, on_conflict=choice.same, skip_identical=not again)
        return None
