"""A plan in words: its classes, what is done with each, what that takes. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine import (
    ConflictPolicy,
    EngineSnapshot,
    LocalRef,
    Plan,
    PlanChoice,
    PlanClass,
    PlanCost,
    PlanRow,
    PlanTally,
    TransferOptions,
    TransferRequest,
    Verified,
    explain,
    refusal,
)
from tui import format

C = PlanClass
P = ConflictPolicy


@dataclass(frozen=True, slots=True)
class ClassWords:
    """How a class is written. The glyph and the words say what the colour says."""

    glyph: str
    label: str
    style: str


WORDS = {
    C.NEW: ClassWords("+", "new", "good"),
    C.DIFFERS: ClassWords("≠", "differs", "warn"),
    C.UNTESTED: ClassWords("?", "not compared yet", "warn"),
    C.SAME: ClassWords("=", "identical", "dim"),
    C.REFUSED: ClassWords("!", "cannot be copied", "bad"),
    C.EXTRA: ClassWords("-", "only there", "bad"),
}
"""In the order in which they are shown."""

PROOFS = {Verified.CRC: "checksum", Verified.ETAG: "ETag", Verified.SIZE: "size and time"}

_BAD_NAMES = frozenset(
    ("unsafe-name", "name-too-long", "name-not-utf8", "key-too-long", "name-collision", "too-large")
)
_MOST_COUNTED = 1000
"""Rows of what cannot be copied whose reasons are counted."""


@dataclass(frozen=True, slots=True)
class Way:
    """One thing that can be done with a class."""

    key: str
    label: str
    """For the footer."""
    words: str
    """For the line of the class."""
    choice: PlanChoice
    """The choice with it."""


def ways(what: PlanClass, choice: PlanChoice, *, move: bool, names_known: bool) -> list[Way]:
    """What can be done with a class, in the order in which Space goes through it; none where nothing can.

    Args:
        names_known: Each item can be left out; of a plan that is too long only rules can be given.
    """
    verb = "move" if move else "copy"
    match what:
        case C.NEW:
            found = [Way("c", verb.capitalize(), verb, replace(choice, new=True))]
            if names_known:
                found.append(Way("s", "Skip", "skip", replace(choice, new=False)))
            return found
        case C.DIFFERS | C.UNTESTED:
            return [
                Way("n", "Newer", "replace if newer", replace(choice, differs=P.NEWER)),
                Way("o", "Replace", "overwrite", replace(choice, differs=P.OVERWRITE)),
                Way("r", "Rename", f"{verb} beside it: name (2)", replace(choice, differs=P.RENAME)),
                Way("e", "Ask", "ask about each, in the queue", replace(choice, differs=P.ASK)),
                Way("s", "Skip", "skip", replace(choice, differs=None)),
            ]
        case C.SAME:
            again = Way("o", "Overwrite", f"{verb} again", replace(choice, same=P.OVERWRITE))
            if not move:
                return [Way("s", "Skip", "skip", replace(choice, same=None)), again]
            gone = Way("x", "Remove source", "remove the source", replace(choice, same=P.SKIP))
            return [gone, Way("s", "Skip", "skip: leave both", replace(choice, same=None)), again]
    return []


def chosen_way(what: PlanClass, choice: PlanChoice, *, move: bool) -> Way | None:
    """What is done with a class now."""
    found = ways(what, choice, move=move, names_known=True)
    return next((way for way in found if way.choice == choice), None)


def first_choice(request: TransferRequest, *, sync: bool) -> PlanChoice:
    """What is done where nobody says otherwise: what the settings say, else nothing is lost that is newer.

    >>> from engine import ConnectionId, ObjectRef
    >>> asked = TransferRequest((LocalRef("/d/"),), ObjectRef("b"), ConnectionId("c"))
    >>> first_choice(asked, sync=False).differs.value, first_choice(asked, sync=True).differs.value
    ('newer', 'overwrite')
    """
    options: TransferOptions = request.options
    differs: ConflictPolicy | None = P.NEWER
    if sync or options.on_conflict in (P.OVERWRITE, P.DIFFERS):
        differs = P.OVERWRITE
    elif options.on_conflict is P.RENAME:
        differs = P.RENAME
    elif options.on_conflict is P.SKIP:
        differs = None
    same = None if options.skip_identical else P.OVERWRITE
    return PlanChoice(differs=differs, same=P.SKIP if options.move and same is None else same)


# -- what is known so far --------------------------------------------------------------------------


def progress(tally: PlanTally) -> str:
    """How far looking is.

    >>> progress(PlanTally({}, {}, False, False, False))
    'Looking… 0 items, 0 bytes so far · Esc stops'
    """
    found = tally.count(*(what for what in C if what is not C.EXTRA))
    total = f"{format.counted(found.items, 'item')}, {format.size_long(found.bytes)}"
    if not tally.scanned:
        return f"Looking… {total} so far · Esc stops"
    if tally.is_too_long:
        return f"{total} · too many to list: each is compared in its turn"
    left = tally.count(C.UNTESTED).items
    if not tally.compared:
        return f"{total} · comparing, {left:,} to go"
    return f"{total}, all looked at" + (f" · {left:,} could not be compared" if left else " and compared")


def proven(tally: PlanTally) -> str:
    """By which test the identical ones are known.

    >>> proven(PlanTally({}, {Verified.CRC: 4000, Verified.SIZE: 19}, True, True, False))
    'by checksum 4,000, size and time 19'
    >>> proven(PlanTally({}, {Verified.ETAG: 4000}, True, True, False))
    'by ETag'
    """
    found = [(words, tally.proofs[proof]) for proof, words in PROOFS.items() if tally.proofs.get(proof)]
    if len(found) < 2:
        return "".join(f"by {words}" for words, _ in found)
    return "by " + ", ".join(f"{words} {count:,}" for words, count in found)


def reasons(plan: Plan) -> str:
    """Why some cannot be copied: bad names, or something else."""
    rows = plan.rows(C.REFUSED, 0, _MOST_COUNTED)
    bad = sum(row.why in _BAD_NAMES for row in rows)
    found = [format.counted(bad, "bad name")] if bad else []
    if len(rows) > bad:
        found.append(format.counted(len(rows) - bad, "unfit file"))
    return ", ".join(found)


def why(row: PlanRow) -> str:
    """Of one item: the test that shows it is the same, in what it differs, or why it cannot be. Raw."""
    if row.what is C.SAME and row.proof is not None:
        return {Verified.SIZE: "size+time"}.get(row.proof, PROOFS[row.proof])
    facts = row.spec.target_facts
    if row.what is C.DIFFERS and row.why == "size" and facts is not None and facts.size >= 0:
        more = row.spec.size - facts.size
        return f"size {'-' if more < 0 else '+'}{format.size(abs(more))}"
    return refused_why(row.why) if row.what in (C.REFUSED, C.UNTESTED) else row.why


def refused_why(code: str) -> str:
    """A code in words.

    >>> refused_why("not-a-file")
    'it is not a regular file'
    """
    return explain(refusal(code, "")).why if code else ""


# -- what it takes ---------------------------------------------------------------------------------


def sums(cost: PlanCost, choice: PlanChoice, tally: PlanTally, *, move: bool) -> str:
    """What starting would do."""
    if not cost.items and not (tally.scanned or tally.is_too_long):
        return "Nothing is found yet"
    if not cost.items:
        return "Nothing is moved" if move else "Nothing is copied"
    verb = "Moves" if move else "Copies"
    undecided = tally.count(C.UNTESTED)
    if choice.differs in (P.NEWER, P.ASK):
        undecided = tally.count(C.UNTESTED, C.DIFFERS)
    most = " at most" if undecided.items > undecided.left_out else ""
    items, size = format.counted(cost.items, "item"), format.size_long(cost.bytes)
    return f"{verb}{most} {items}, {size}, with about {format.counted(cost.requests, 'request')}"


def expected(request: TransferRequest, cost: PlanCost, snapshot: EngineSnapshot) -> str:
    """How long that takes at the present speed, or at the limit.

    Two sides of one server are copied there: then nothing here says how long.
    """
    if not cost.items or not cost.bytes:
        return ""
    up, down = isinstance(request.sources[0], LocalRef), isinstance(request.target, LocalRef)
    if not up and not down:
        return "The server copies by itself: how long that takes is not known"
    totals = snapshot.totals
    limit = snapshot.upload_limit if up else snapshot.download_limit
    now = totals.upload_bytes_per_second if up else totals.download_bytes_per_second
    # A burst may be faster than the limit for a moment; what was moved is what can be moved again.
    speed = now or totals.average_bytes_per_second
    if limit is not None and (not speed or speed >= 0.9 * limit):
        speed, at = float(limit), f"at the limit of {format.speed_long(limit)}"
    elif now:
        at = f"at the present {format.speed_long(speed)}"
    elif speed:
        at = f"at the {format.speed_long(speed)} of before"
    else:
        return "How long it takes is not known: nothing is moving, and no limit is set"
    queued = totals.bytes_moving_left
    after = f", after {format.size_long(queued)} already queued" if queued else ""
    return f"Takes about {format.duration(max(cost.bytes / speed, 1.0))} {at}{after}"


def deletions(cost: PlanCost, target: str, tally: PlanTally) -> str:
    """What a sync deletes. The target is safe."""
    if tally.is_too_long:
        return "Deletes nothing: of so many it is not known what is only there"
    if not cost.deletions:
        return "Deletes nothing"
    what = f"{format.counted(cost.deletions, 'item')}, {format.size_long(cost.deleted_bytes)}"
    return f"Deletes {what} in {target}; asks once more"
