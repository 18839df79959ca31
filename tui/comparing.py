"""Two places with all that is below them, side by side: what is on one side only, differs, or is the same.

It is a plan of what a copy from one to the other would do, looked at from both sides. One thread.
"""

from __future__ import annotations

from enum import Enum

from engine import Location, Plan, PlanClass, PlanRow, PlanTally

C = PlanClass


class Standing(Enum):
    """How a name stands on both sides; the glyph and the word say what the colour says."""

    SAME = ("=", "equal", "equal", "good")
    DIFFERS = ("≠", "differ", "differ", "warn")
    LEFT = ("<", "only left", "left", "busy")
    RIGHT = (">", "only right", "right", "busy")
    REFUSED = ("!", "cannot be copied", "bad", "bad")
    UNKNOWN = ("?", "not compared", "unknown", "dim")

    def __init__(self, glyph: str, word: str, short_word: str, style: str) -> None:
        self.glyph, self.word, self.short_word, self.style = glyph, word, short_word, style

    @property
    def bit(self) -> int:
        """For sums over a folder."""
        return _BITS[self]


_BITS = {standing: 1 << n for n, standing in enumerate(Standing)}
_ALONE = {standing.bit: standing for standing in Standing}
_WITH_SAME = {kind.bit | Standing.SAME.bit: kind for kind in (Standing.REFUSED, Standing.UNKNOWN)}
"""Folders of what is the same, and of what nothing can be said about."""
_IS_STREAMED = (C.NEW, C.EXTRA, C.SAME, C.DIFFERS, C.REFUSED)
"""Classes whose rows stay where they are; what is not compared yet is read at the end."""


class Comparison:
    """How each name below two places stands, as far as it is known.

    Args:
        left: The place of the left pane; a folder or a prefix.
        right: The place of the right pane.
        from_left: The plan is one of a copy from left to right.
    """

    def __init__(self, left: Location, right: Location, *, from_left: bool) -> None:
        self.left, self.right = left, right
        self.from_left = from_left
        self.is_done = False
        """Nothing more will be found."""
        self._files: dict[str, Standing] = {}
        self._folders: dict[str, int] = {}
        """By name with all names above and a ``/``: bits of what is below it."""
        self._taken = dict.fromkeys(_IS_STREAMED, 0)
        self._untested = 0
        source, target = (left, right) if from_left else (right, left)
        self._source, self._target = str(source.place), str(target.place)

    # -- filling -----------------------------------------------------------------------------------

    def take(self, plan: Plan, most: int = 4000) -> bool:
        """Take some of what the plan has by now; false if there was nothing more.

        Args:
            most: Rows, so that the screen is not held.
        """
        for what in _IS_STREAMED:
            rows = plan.rows(what, self._taken[what], most)
            if rows:
                self._taken[what] += len(rows)
                for row in rows:
                    self._add(row)
                return True
        return False

    def forget(self) -> None:
        """There are more than are told by name: none is marked."""
        self._files, self._folders = {}, {}

    def finish(self, plan: Plan) -> None:
        """Nothing more will come: what could not be compared is known too."""
        while rows := plan.rows(C.UNTESTED, self._untested, 4000):
            self._untested += len(rows)
            for row in rows:
                self._add(row)
        self.is_done = True

    def _add(self, row: PlanRow) -> None:
        is_extra = row.what is C.EXTRA
        base, place = (self._target, row.spec.target) if is_extra else (self._source, row.spec.source)
        name = str(place)[len(base) :]
        standing = self._standing(row.what)
        if name and not name.endswith("/"):
            self._files[name] = standing
        at = name.find("/")
        while at >= 0:
            folder = name[: at + 1]
            self._folders[folder] = self._folders.get(folder, 0) | standing.bit
            at = name.find("/", at + 1)

    def _standing(self, what: PlanClass) -> Standing:
        match what:
            case C.NEW:
                return Standing.LEFT if self.from_left else Standing.RIGHT
            case C.EXTRA:
                return Standing.RIGHT if self.from_left else Standing.LEFT
            case C.SAME:
                return Standing.SAME
            case C.DIFFERS:
                return Standing.DIFFERS
            case C.REFUSED:
                return Standing.REFUSED
        return Standing.UNKNOWN

    # -- looking -----------------------------------------------------------------------------------

    def standing(self, here: Location, name: str, *, is_folder: bool) -> Standing | None:
        """How a row of a pane stands; ``None`` where it is not (yet) known, or `here` was not compared.

        A folder is what all below it is; it differs where that is of several kinds.
        """
        for side in (self.left, self.right):
            base, place = str(side.place), str(here.place)
            if here.connection == side.connection and place.startswith(base):
                inner = place[len(base) :] + name
                return self._folder(inner + "/") if is_folder else self._files.get(inner)
        return None

    def _folder(self, name: str) -> Standing | None:
        bits = self._folders.get(name, 0)
        if not bits:
            return None
        alone = _ALONE.get(bits) or _WITH_SAME.get(bits, Standing.DIFFERS)
        # While more may come, only a difference is certain.
        return alone if self.is_done or alone is Standing.DIFFERS else None

    def covers(self, here: Location) -> bool:
        """It is one of the places that were compared, or below one."""
        return any(
            here.connection == side.connection and str(here.place).startswith(str(side.place))
            for side in (self.left, self.right)
        )

    def counts(self, tally: PlanTally) -> dict[Standing, int]:
        """How many files and objects there are of each kind."""
        found: dict[Standing, int] = {}
        for what, count in tally.counts.items():
            found[self._standing(what)] = count.items
        return found
