"""The last minute as a graph, and the sums over the whole queue: one line, or three where there is room."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from engine import EngineSnapshot, TransferState
from tui import format
from tui.bars import bar
from tui.log import log_path
from tui.places import home
from tui.safe_text import cut, display, width
from tui.schedule import Limits
from tui.widgets.line_table import Spans

_BLOCKS = " ▁▂▃▄▅▆▇█"
S = TransferState


def graph(values: Sequence[float], columns: int, lines: int) -> list[str]:
    """The newest `columns` values as bars of `lines` lines, highest line first.

    >>> graph([0, 1, 2, 4], 4, 1)
    [' ▂▄█']
    """
    shown = list(values)[-columns:]
    shown = [0.0] * (columns - len(shown)) + shown
    top = max(shown, default=0.0)
    eighths = [0 if top <= 0 or v <= 0 else max(1, round(v / top * lines * 8)) for v in shown]
    return [
        "".join(_BLOCKS[max(0, min(8, filled - 8 * line))] for filled in eighths)
        for line in reversed(range(lines))
    ]


def limit_words(up: int | None, down: int | None) -> str:
    """Both rate limits in words.

    >>> limit_words(None, None), limit_words(1024, None)
    ('off', '↑1.0K/s ↓off')
    """
    return format.limit(up) if up == down else f"↑{format.limit(up)} ↓{format.limit(down)}"


def facts(snapshot: EngineSnapshot, before: int = 0) -> list[tuple[str, str]]:
    """What there is to say about the whole, most important first, with a style each.

    Args:
        before: Bytes that were finished before the present work began.
    """
    totals = snapshot.totals
    speed = totals.bytes_per_second
    active = totals.count(S.RUNNING, S.FINISHING)
    out: list[tuple[str, str]] = []
    if active or speed > 0:
        up, down = totals.upload_bytes_per_second, totals.download_bytes_per_second
        out.append((format.speed_split(up, down), "strong"))
    elif snapshot.held:
        out.append(("all paused", "warn"))
    elif asking := totals.count(S.ATTENTION):
        out.append((f"{asking:,} asking", "warn"))
    elif totals.count(S.WAITING):
        out.append(("waiting", "warn"))
    else:
        out.append(("idle", "dim"))
    done, whole = work(snapshot, before)
    if whole:
        out.append((format.size_of(done, whole), ""))
        out.append((format.percent(done / whole), ""))
        if active:
            out.append((f"ETA {format.duration(totals.eta)}", ""))
    return out


def work(snapshot: EngineSnapshot, before: int) -> tuple[int, int]:
    """Bytes done and in all of the present work: of what moves, waits or is paused, and of what was finished beside it.

    Nothing where all is done, or has failed.
    """
    totals = snapshot.totals
    if not totals.bytes_moving_left:
        return 0, 0
    done = max(0, totals.bytes_done - before)
    return done, done + totals.bytes_moving_left


def settings(snapshot: EngineSnapshot, kept: str = "", until: str = "") -> list[tuple[str, str]]:
    """Knobs and proofs.

    Args:
        kept: What to say of knobs that stay as they are at the next start.
        until: When the limits will be others, by themselves.
    """
    words = f"limit {limit_words(snapshot.upload_limit, snapshot.download_limit)}" + (
        f" {until}" if until else ""
    )
    out = [(words, "warn" if snapshot.upload_limit or snapshot.download_limit else "dim")]
    if snapshot.totals.verified:
        out.append((f"verified {snapshot.totals.verified:,}", "good"))
    out.append((format.counted(snapshot.workers, "worker"), "dim"))
    if kept:
        out.append((kept, "dim"))
    return out


class SpeedPanel(Widget):
    """Draws what it was last given; redraws only when the words differ."""

    COMPONENT_CLASSES = {  # noqa: RUF012  Textual's own declaration
        "speed-panel--graph",
        "speed-panel--strong",
        "speed-panel--dim",
        "speed-panel--good",
        "speed-panel--warn",
        "speed-panel--bad",
        "speed-panel--bar",
        "speed-panel--bar-back",
    }

    def __init__(
        self,
        kept: Callable[[EngineSnapshot], str] = lambda _: "",
        until: Callable[[Limits], str] = lambda _: "",
    ) -> None:
        super().__init__(id="totals")
        self._kept, self._until = kept, until
        self._snapshot: EngineSnapshot | None = None
        self._history: tuple[float, ...] = ()
        self._lines: list[Spans] = []
        self._before = 0
        """Bytes that were finished when there was last nothing left to move."""

    def _settings(self, snapshot: EngineSnapshot) -> list[tuple[str, str]]:
        until = self._until((snapshot.upload_limit, snapshot.download_limit))
        return settings(snapshot, self._kept(snapshot), until)

    def show(self, snapshot: EngineSnapshot, history: tuple[float, ...]) -> None:
        """Take new numbers."""
        self._snapshot, self._history = snapshot, history
        totals = snapshot.totals
        finished = totals.bytes_finished
        self._before = min(self._before, finished) if totals.bytes_moving_left else finished
        lines = self._compose_lines()
        if lines != self._lines:
            self._lines = lines
            self.refresh()

    def on_resize(self) -> None:
        """Other room, other lines."""
        self._lines = self._compose_lines()
        self.refresh()

    def _compose_lines(self) -> list[Spans]:
        snapshot, cells = self._snapshot, self.size.width - 2
        if snapshot is None or cells < 10:
            return []
        if self.size.height >= 3:
            return self._tall(snapshot, cells)
        columns = max(min(cells // 8, 24), 6)
        line: Spans = []
        room = cells
        if any(self._history[-columns:]):
            line = [(graph(self._history, columns, 1)[0], "graph"), (" ", "")]
            room -= columns + 1
        line += _joined(
            [*self._trouble(snapshot, room), *facts(snapshot, self._before), *self._settings(snapshot)],
            room,
        )
        return [line]

    def _tall(self, snapshot: EngineSnapshot, cells: int) -> list[Spans]:
        columns = min(60, max(cells - 66, 12))
        drawn = graph(self._history, columns, 3)
        room = cells - columns - 3
        first, *rest = facts(snapshot, self._before)
        moved, whole = work(snapshot, self._before)
        fraction = moved / whole if whole else 0.0
        done, back = bar(fraction, max(min(room - 44, 60), 10))
        progress: Spans = [(done, "bar"), (back, "bar-back"), ("  ", "")] if whole else []
        room_left = room - sum(width(text) for text, _ in progress)
        texts = [
            _joined([*self._trouble(snapshot, room), first, *self._counts(snapshot)], room),
            progress + _joined(rest, room_left),
            _joined(self._settings(snapshot), room),
        ]
        return [[(drawn[i], "graph"), ("   ", ""), *texts[i]] for i in range(3)]

    def _counts(self, snapshot: EngineSnapshot) -> list[tuple[str, str]]:
        totals = snapshot.totals
        out = []
        if totals.average_bytes_per_second > 0:
            out.append((f"average {format.speed_long(totals.average_bytes_per_second)}", "dim"))
        if totals.elapsed >= 1:
            out.append((f"for {format.duration(totals.elapsed)}", "dim"))
        return out

    def _trouble(self, snapshot: EngineSnapshot, room: int) -> list[tuple[str, str]]:
        health = snapshot.health
        out = []
        if health.state_problem:
            out.append((f"PROGRESS IS NOT SAVED: {display(health.state_problem)}", "bad"))
            log = f"log file {display(home(log_path()))}"
            if log_path() and width(out[0][0]) + 3 + width(log) <= room:
                out.append((log, "bad"))
        if health.slowed_to:
            out.append((f"server busy: {health.slowed_to} of {snapshot.workers} at a time", "warn"))
        return out

    def render_line(self, y: int) -> Strip:
        """One line."""
        cells = self.size.width
        spans = self._lines[y] if y < len(self._lines) else []
        base = self.rich_style
        segments = [Segment(" ", base)]
        used = 1
        for text, name in spans:
            segments.append(Segment(text, self._style(name)))
            used += width(text)
        segments.append(Segment(" " * max(cells - used, 0), base))
        return Strip(segments).adjust_cell_length(cells, base)

    def _style(self, name: str) -> Style:
        if not name:
            return self.rich_style
        return self.get_component_rich_style(f"speed-panel--{name}")


def _joined(parts: list[tuple[str, str]], cells: int) -> Spans:
    """The parts with dots between, as many as fit."""
    out: Spans = []
    left = cells
    for text, style in parts:
        between = " · " if out else ""
        if width(text) + len(between) > left:
            if not out:
                out.append((cut(text, left), style))
            break
        if between:
            out.append((between, "dim"))
        out.append((text, style))
        left -= width(text) + len(between)
    return out
