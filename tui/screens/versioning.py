"""Whether a bucket keeps versions, asked while something else is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engine import Details, Location, ObjectRef
from tui.ports import BrowserPort

_POLL = 0.1


async def look_for_versioning(
    browser: BrowserPort, place: Location, tell: Callable[[str], None], is_wanted: Callable[[], bool]
) -> None:
    """Ask for the bucket of a place, and tell once what `tui.undo.promise` takes; nothing where it may not be known.

    Args:
        is_wanted: Whoever asked is still there; else the question is given up.
    """
    if not isinstance(place.place, ObjectRef) or not place.place.bucket:
        return
    token = browser.details(Location(ObjectRef(place.place.bucket), place.connection))
    try:
        while True:
            answer = browser.answer(token)
            found = dict(answer.value.more) if isinstance(answer.value, Details) else {}
            if "Versioning" in found:
                tell(found["Versioning"])
                return
            if answer.done:
                return
            await asyncio.sleep(_POLL)
            if not is_wanted():
                return
    finally:
        browser.cancel(token)
