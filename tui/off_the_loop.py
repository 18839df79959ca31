"""Waiting for a disk without holding the screen."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def off_the_loop(call: Callable[[], T]) -> T:
    """What `call` returns or raises, from a thread of its own that no end of the program waits for."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if not future.done():
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, failure = None, None
        try:
            result = call()
        except Exception as error:  # whoever waits gets it
            failure = error
        with contextlib.suppress(RuntimeError):  # the program has ended
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name="s3tui-settings", daemon=True).start()
    return await future
