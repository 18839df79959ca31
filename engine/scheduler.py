"""Which piece of work comes next. Pure: it is told the time, holds no thread and does no I/O."""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from engine.errors import Condition
from engine.jobs.protocol import Part
from engine.model import ItemKind, TransferId, TransferState
from engine.queue.blockade import Blockade, Scope
from engine.queue.ceilings import Ceilings
from engine.queue.lanes import Lane, lane_of, root_of, scopes_of
from engine.transfer import Run, Transfer

S = TransferState

KEPT_WAITING = 8
"""Items whose parts all wait for another try keep their files open, up to so many."""

MOST_ALONE = 8
"""Items that wait each for itself, because only they do not fit, up to so many: each is tried now and then."""

ENDING_PER_WORKER = 8
"""Small items that are being put in place and written down, with their files open, up to so many."""


class WorkKind(Enum):
    """What a worker is asked to do."""

    BEGIN = "begin"
    MOVE = "move"
    FINISH = "finish"
    REMOVE = "remove"
    """A move: the target is safe, the source goes."""
    CLOSE = "close"
    """Its run was stopped, and nobody is inside any more."""
    DISCARD = "discard"
    """It was cancelled: remove its traces."""
    CLEAN = "clean"
    """Pay an old debt: abort an upload, unlink a file."""


@dataclass(slots=True)
class Work:
    """One piece."""

    kind: WorkKind
    transfer: Transfer | None
    part: Part | None = None
    debt: int = 0
    """CLEAN: number of the debt."""
    run: Run | None = None
    """MOVE: the run that the part belongs to; once that is over, the part is nobody's business."""


_CONFIRMED_WITHIN = 20.0
"""Seconds that the parts under way may take in all under a rate limit: what a pause or a kill costs at most."""

CHORES = frozenset((WorkKind.REMOVE, WorkKind.CLOSE, WorkKind.DISCARD, WorkKind.CLEAN))
"""What is done before anything else, and given out even while nothing else is."""


class Scheduler:
    """Guarantees: every method is called with the queue's lock held, and is O(log queue) at worst.

    Small items and large ones have separate limits, and every lane its own heap, so that whatever
    waits or is paused never stands in the way of what could move.
    """

    def __init__(self, workers: int, active_items: int, rng: random.Random | None = None) -> None:
        self.workers, self.active_items = workers, active_items
        self.held = False
        """Nothing starts and no part is given out."""
        self.is_state_unsaved: Callable[[], bool] = lambda: False
        """The state folder is known not to be writable now; set by the core."""
        self.rate: Callable[[ItemKind], int | None] = lambda kind: None
        """Bytes a second that are allowed for this kind of work; set by the core."""
        self._rng = rng or random.Random()
        self._ready: dict[Lane, list[tuple[int, TransferId, Transfer]]] = {}
        self._rotation: deque[Transfer] = deque()
        """Items with a run, in the order in which they get a part."""
        self._chores: deque[Work] = deque()
        self._tidying = 0
        """Chores that a worker has."""
        self._timers: list[tuple[float, TransferId, Transfer]] = []
        """Heap of WAITING items without a run."""
        self.blockades: dict[Scope, Blockade] = {}
        self._disks: dict[str | None, Scope] = {}
        """By root: the disk below it, once it was full."""
        self._small_active = self._large_active = 0
        self._ending: set[TransferId] = set()
        """Small items that no worker is needed for any more: they are put in place and written down."""
        self.ceilings = Ceilings(lambda: self.workers, self._rng)
        """What busy servers may be asked for."""

    # -- what there is -----------------------------------------------------------------------------

    def ready(self, transfer: Transfer) -> None:
        """A QUEUED item without a run may begin."""
        heap = self._ready.setdefault(lane_of(transfer), [])
        heapq.heappush(heap, (transfer.rank, transfer.id, transfer))

    def chore(self, work: Work) -> None:
        """Something that is done before anything else."""
        self._chores.append(work)

    def wait_until(self, transfer: Transfer, when: float) -> None:
        """A WAITING item without a run is to be tried again then."""
        heapq.heappush(self._timers, (when, transfer.id, transfer))

    def started(self, transfer: Transfer) -> None:
        """It has a run now."""
        self._rotation.append(transfer)
        if transfer.is_small:
            self._small_active += 1
        else:
            self._large_active += 1

    def stopped(self, transfer: Transfer) -> None:
        """Its run is over, and with it any probing: whoever is next may try."""
        for blockade in self.blockades.values():
            if blockade.probe == transfer.id:
                blockade.probe = None
        try:
            self._rotation.remove(transfer)
        except ValueError:
            return
        if transfer.id in self._ending:
            self._ending.remove(transfer.id)
        elif transfer.is_small:
            self._small_active -= 1
        else:
            self._large_active -= 1

    def ending(self, transfer: Transfer) -> None:
        """All that is left to do for it is done beside the workers: another small item may begin in its place."""
        if transfer.is_small and transfer.id not in self._ending:
            self._ending.add(transfer.id)
            self._small_active -= 1

    @property
    def active(self) -> tuple[Transfer, ...]:
        """Items with a run."""
        return tuple(self._rotation)

    @property
    def active_count(self) -> int:
        """How many those are."""
        return len(self._rotation)

    @property
    def may_have_more(self) -> bool:
        """There may be work for another worker, too."""
        return bool(
            self._chores
            or any(self._ready.values())
            or any(item.run is not None and item.run.pending for item in self._rotation)
        )

    def tidied(self) -> None:
        """A chore is done."""
        self._tidying -= 1

    @property
    def is_tidy(self) -> bool:
        """No chore is left, and none will come of the runs there are unless they do something."""
        stopping = any(item.run is not None and item.run.stopping for item in self._rotation)
        return not (self._chores or self._tidying or stopping)

    @property
    def has_chores(self) -> bool:
        """Something has to be tidied up."""
        return bool(self._chores)

    # -- choosing ----------------------------------------------------------------------------------

    def take(self, now: float) -> Work | None:
        """The next piece of work, already marked as taken; ``None`` if there is nothing to do now."""
        if self._chores:
            self._tidying += 1
            return self._chores.popleft()
        if self.held:
            return None
        self._wake(now)
        probe = self._probe(now)
        if probe is not None:
            return Work(WorkKind.BEGIN, probe)
        return self._begin(now) or self._move(now)

    def next_due(self, now: float) -> float | None:
        """Monotonic time at which `take` may have something; ``None`` if only an event can change that."""
        times = [timer[0] for timer in self._timers[:1]]
        times += [blockade.until for blockade in self.blockades.values() if blockade.probe is None]
        times += [item.run.next_due for item in self._rotation if item.run is not None and item.run.delayed]
        times += self.ceilings.due(now)
        return max(min(times), now) if times and not self.held else None

    def _wake(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            _, _, transfer = heapq.heappop(self._timers)
            hold = transfer.hold
            if (
                transfer.state is S.WAITING
                and transfer.run is None
                and hold is not None
                and hold.until <= now
            ):
                self.ready(transfer)

    def _probe(self, now: float) -> Transfer | None:
        for scope, blockade in list(self.blockades.items()):
            if not blockade.is_due(now):
                continue
            if scope[0] == "state" and self.is_state_unsaved():
                # The state folder is tried by itself: no item has to be moved once more for that.
                blockade.put_off(now)
                continue
            first = blockade.first()
            if first is None:
                del self.blockades[scope]
            elif first.run is None:
                blockade.probe = first.id
                del blockade.items[first.id]
                return first
        return None

    def _begin(self, now: float) -> Work | None:
        best: tuple[int, TransferId, Transfer] | None = None
        best_heap = None
        for lane, heap in self._ready.items():
            while heap and not _may_begin(heap[0]):
                heapq.heappop(heap)
            if not heap or self.blockade_for(lane) is not None or not self._has_room(lane, now):
                continue
            if best is None or heap[0] < best:
                best, best_heap = heap[0], heap
        if best is None or best_heap is None:
            return None
        heapq.heappop(best_heap)
        return Work(WorkKind.BEGIN, best[2])

    def _has_room(self, lane: Lane, now: float) -> bool:
        if not self.ceilings.may_ask(lane.connection, now):
            return False
        if lane.is_small:
            # Beside large items, small ones leave half of the workers to them.
            room = self.workers if not self._large_active else max(1, self.workers // 2)
            if len(self._ending) >= ENDING_PER_WORKER * self.workers:
                return False
            return self._small_active < room or (
                self._small_active < room + KEPT_WAITING
                and sum(1 for item in self._rotation if item.is_small and item.state is not S.WAITING) < room
            )
        moving = sum(1 for item in self._rotation if not item.is_small and item.state is not S.WAITING)
        return moving < self.active_items and self._large_active < self.active_items + KEPT_WAITING

    def _move(self, now: float) -> Work | None:
        for passed, transfer in enumerate(self._rotation, 1):
            run = transfer.run
            if run is None or run.stopping or run.finishing:
                continue
            if run.delayed:
                run.wake_delayed(now)
            if (
                run.pending
                and self.ceilings.may_ask(transfer.spec.connection, now)
                and not self.would_crowd(transfer, run.pending[0].length)
            ):
                self._rotation.rotate(-passed)
                part = run.pending.popleft()
                run.in_hand[part.number] = part
                part.in_hand = True
                return Work(WorkKind.MOVE, transfer, part, run=run)
        return None

    def would_crowd(self, transfer: Transfer, length: int) -> bool:
        """That many bytes more on their way would keep all that is under a rate limit from being confirmed for long."""
        own = transfer.spec.options.rate_limit
        if own:
            own_way = sum(part.length for part in transfer.run.in_hand.values()) if transfer.run else 0
            if own_way and own_way + length > own * _CONFIRMED_WITHIN:
                return True
        rate = self.rate(transfer.spec.kind)
        if not rate:
            return False
        under_way = sum(
            part.length
            for item in self._rotation
            if item.run is not None and item.spec.kind is transfer.spec.kind
            for part in item.run.in_hand.values()
        )
        return under_way > 0 and under_way + length > rate * _CONFIRMED_WITHIN

    # -- conditions --------------------------------------------------------------------------------

    def block(self, error: Condition, transfer: Transfer, now: float) -> Blockade:
        """A condition holds; whoever is in its scope waits. Returns what they wait for."""
        scope = self._scope_of(error, transfer)
        blockade = self.blockades.get(scope)
        if blockade is None:
            blockade = self.blockades[scope] = Blockade(scope)
            blockade.hit(error, now, self._rng)
        elif blockade.probe == transfer.id or now >= blockade.until:
            blockade.hit(error, now, self._rng)
        if scope[0] == "disk":
            self._disks[root_of(transfer)] = scope
        return blockade

    def _scope_of(self, error: Condition, transfer: Transfer) -> Scope:
        """Of what concerns one item alone, that item; where there are many such, all that would be like it."""
        own = ("item", str(transfer.id))
        if not error.alone:
            return error.scope
        if own in self.blockades or sum(1 for kind, _ in self.blockades if kind == "item") < MOST_ALONE:
            if error.scope in self.blockades:
                self.gave_up(transfer)  # Another may try whether the disk has room for it.
            return own
        return error.scope

    def unblock(self, transfer: Transfer, *, has_written: bool = True) -> list[Transfer]:
        """Something of this item got done: what held up its lane is over. Returns who waited for it.

        Args:
            has_written: A part of it, so that a disk is not full any more. A small item proves that only by
                its end, for its last bytes may be refused as late as when they are synced.
        """
        freed: list[Transfer] = []
        for scope, blockade in list(self.blockades.items()):
            if blockade.probe == transfer.id and (has_written or scope[0] != "disk"):
                del self.blockades[scope]
                freed += blockade.items.values()
        return freed

    @property
    def has_conditions(self) -> bool:
        """Something holds up items until it heals."""
        return bool(self.blockades) or self.ceilings.any_refuses

    @property
    def probing(self) -> frozenset[TransferId]:
        """Items that are under way to see whether a condition is over."""
        return frozenset(
            item.id
            for item in self._rotation
            if item.state in (S.RUNNING, S.FINISHING) and self.only_tries(item)
        )

    def only_tries(self, transfer: Transfer) -> bool:
        """What it does now tells no more than whether a condition is over."""
        return self.ceilings.refuses(transfer.spec.connection) or any(
            blockade.probe == transfer.id for blockade in self.blockades.values()
        )

    def gave_up(self, transfer: Transfer) -> None:
        """It does not probe any more, for a reason that tells nothing about the condition."""
        for blockade in self.blockades.values():
            blockade.items.pop(transfer.id, None)
            if blockade.probe == transfer.id:
                blockade.probe = None

    def blockade_for(self, lane: Lane) -> Blockade | None:
        """What holds up this lane."""
        if not self.blockades:
            return None
        for scope in scopes_of(lane, self._disks):
            if scope in self.blockades:
                return self.blockades[scope]
        return next((b for scope, b in self.blockades.items() if scope[0] == "state"), None)


def _may_begin(entry: tuple[int, TransferId, Transfer]) -> bool:
    rank, _, transfer = entry
    return transfer.rank == rank and transfer.run is None and transfer.state in (S.QUEUED, S.WAITING)
