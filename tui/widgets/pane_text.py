"""What a pane says around and instead of its rows: titles, and why there is nothing to see. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from engine import LocalRef, Location, ObjectRef, Problem, Profile, looked_for
from tui import format
from tui.keys import key_of
from tui.log import naming_log
from tui.places import address, home
from tui.safe_text import display, path_tail, width, wrap
from tui.widgets.line_table import Spans
from tui.widgets.pane_model import PaneModel
from tui.widgets.pane_order import SortKey

_HEADLINES = {
    "access-denied": "Access denied",
    "local-denied": "Access denied",
    "offline": "Not reachable",
    "unknown-host": "Not reachable",
    "connection-lost": "Not reachable",
    "request-timeout": "No answer",
    "stalled": "No answer",
    "tls": "Certificate not trusted",
    "plain-http": "Not encrypted",
    "not-s3": "Not an S3 endpoint",
    "bad-reply": "Not an S3 endpoint",
    "redirected": "Not an S3 endpoint",
    "no-credentials": "No credentials",
    "credentials": "Credentials expired",
    "wrong-key": "Access key not known",
    "wrong-secret": "Secret key not right",
    "clock-skew": "Clock too far off",
    "no-such-bucket": "No such bucket",
    "no-such-key": "Nothing there",
    "source-missing": "Nothing there",
    "not-a-file": "Not a folder",
    "wrong-region": "Wrong region",
    "stopped": "Stopped",
}
"""A headline for each way of seeing nothing, so that no two of them look alike."""

_KEYS_LOCAL = ("pane.refresh", "read again", "pane.parent", "parent", "pane.goto", "go to a path")
_KEYS_REMOTE = ("pane.refresh", "try again", "pane.profile", "profile", "pane.goto", "go to an s3:// address")


def endpoint_name(profile: Profile | None) -> list[str]:
    """Profile and region or host, what a title adds to the address."""
    if profile is None:
        return []
    host = urlsplit(profile.endpoint_url).netloc.rpartition("@")[2] if profile.endpoint_url else ""
    return [text for text in (profile.name, host or profile.region or "") if text]


def title(location: Location, profile: Profile | None, cells: int) -> tuple[str, str]:
    """Address and what is said after it, made safe, fitting `cells` together; the address matters more."""
    where = display(address(location))
    extras = [display(text) for text in endpoint_name(profile)]
    if profile is not None and profile.read_only:
        extras.append("read-only")
    while extras:
        tail = "".join(f" · {text}" for text in extras)
        # A profile that nobody chose says less than the end of the path.
        is_kept = len(extras) == 1 and extras[0] != "default" and width(tail) <= cells // 3
        if width(where) + width(tail) <= cells or is_kept:
            return path_tail(where, cells - width(tail)), tail
        extras.pop()
    return path_tail(where, cells), ""


def stopped(location: Location) -> Problem:
    """The user ended the reading: what is seen is not all."""
    return Problem(
        f"list {location.place}",
        "it was stopped before its end",
        f"{key_of('pane.refresh')} reads it again.",
        True,
        "stopped",
    )


def facts(model: PaneModel, problem: Problem | None, *, reading: bool) -> Spans:
    """How many rows, marked or shown, and what to know about them."""
    said: Spans = []
    if model.marked_count:
        bytes_too = model.marked_count > model.marked_folders
        size = f", {format.size_long(model.marked_bytes)}" if bytes_too else ""
        said.append((f"{model.marked_count:,} marked{size}", "$text-warning bold"))
    elif model.filter:
        looking = "" if model.filtered_count == model.total else ", looking"
        said.append((f"{len(model):,} of {model.total:,}{looking}", "bold"))
    elif model.total or problem is None:
        said.append((format.counted(model.total, "item"), ""))
    if reading:
        said.append(("reading", ""))
    elif problem is not None and model.total:
        said.append((f"incomplete: {display(problem.why)}", "$text-error"))
    if model.sort is not SortKey.NAME or model.descending:
        said.append((f"by {model.sort.value} {'▾' if model.descending else '▴'}", ""))
    return said


def _centred(lines: list[tuple[str, str]], cells: int, room: int) -> list[Spans]:
    """The lines in the middle of an area; those of a paragraph (without a style) begin alike."""
    above = max((room - len(lines)) // 3, 0 if room <= len(lines) else 1)
    out: list[Spans] = [[] for _ in range(above)]
    paragraph = max((width(text) for text, style in lines if not style), default=0)
    for text, style in lines[: max(room - above, 0)]:
        left = max((cells - (width(text) if style else paragraph)) // 2, 0)
        out.append([(" " * left, ""), (text, style)])
    return out


def _hints(cells: int, *pairs: str) -> list[tuple[str, str]]:
    """Keys, by the ids of their actions, and what they do, as few lines as they need."""
    lines: list[str] = []
    for id, word in zip(pairs[::2], pairs[1::2], strict=True):
        hint = f"{key_of(id)} {word}"
        if lines and width(lines[-1]) + 3 + width(hint) <= cells:
            lines[-1] += f" · {hint}"
        else:
            lines.append(hint)
    return [(line, "dim") for line in lines]


def reading(location: Location, scanned: int, cells: int, room: int) -> list[Spans]:
    """Nothing has come yet."""
    so_far = f"{scanned:,} so far" if scanned else f"{key_of('pane.back')} stops"
    return _centred([("Reading…", "busy"), (so_far, "dim")], cells, room)


def empty(location: Location, cells: int, room: int, *, takes_copies: bool = True) -> list[Spans]:
    """There is nothing, and that is the truth."""
    place = location.place
    if isinstance(place, ObjectRef) and not place.bucket:
        lines = [("No buckets", "strong"), *_hints(cells - 2, *_KEYS_REMOTE[2:])]
        return _centred(lines, cells, room)
    copy = ("pane.copy", "in the other pane copies here") if takes_copies else ()
    hints = _hints(cells - 2, *copy, "pane.new-folder", "new folder")
    return _centred([("Empty", "strong"), *hints], cells, room)


def no_match(pattern: str, looked_at: int, done: bool, cells: int, room: int) -> list[Spans]:
    """The filter lets nothing through (so far)."""
    head = "No match" if done else "No match yet"
    seen = f"in {format.counted(looked_at, 'name')}" + ("" if done else ", reading on…")
    lines = [(head, "strong"), (seen, "dim"), (f"{key_of('pane.back')} shows all", "dim")]
    return _centred(lines, cells, room)


def failed(location: Location, problem: Problem, cells: int, room: int) -> list[Spans]:
    """It could not be read: what, why, what to do."""
    inner = max(cells - 4, 8)
    local = isinstance(location.place, LocalRef)
    lines = [(_HEADLINES.get(problem.code, "Cannot be read"), "bad"), ("", "")]
    what = f"Cannot {problem.what}: {problem.why}" if problem.what else problem.why
    said = ". ".join(part for part in (what, naming_log(problem.what_now)) if part)
    lines += [(line, "") for line in wrap(display(said), inner)]
    lines += [("", ""), *_hints(inner, *(_KEYS_LOCAL if local else _KEYS_REMOTE))]
    if problem.request_id:
        lines.append((display(f"request {problem.request_id}"), "dim"))
    return _centred(lines, cells, room)


def credentials_looked_for(env: Mapping[str, str] = os.environ) -> list[str]:
    """Where credentials were looked for and what was there, a line each. Reads two small files."""
    # A web identity is for machines in a cluster only.
    facts = [fact for fact in looked_for(env) if not ("WEB_IDENTITY" in fact and fact.endswith("not set"))]
    return [home(fact, env) for fact in facts]


def nothing_configured(found: Sequence[str], cells: int, room: int) -> list[Spans]:
    """No profile, no endpoint, no keys: what to do in two sentences, then what was looked for."""
    inner = max(cells - 4, 8)
    ways = (
        f"{key_of('pane.profile')} adds an S3 server of yours; for AWS run aws configure.",
        f"To look around first, leave ({key_of('app.quit')}) and run s3tui demo.",
    )
    lines = [("No credentials", "bad"), ("", "")]
    for way in ways:
        lines += [(line, "") for line in wrap(way, inner)]
    lines.append(("", ""))
    for fact in found:
        lines += [(line, "") for line in wrap(display(fact), inner)]
    return _centred(lines, cells, room)
