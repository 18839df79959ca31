"""Leaving when asked to by a signal or by a terminal that is gone: in order if possible, in time in any case."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

log = logging.getLogger(__name__)

SIGNALS = {signal.SIGHUP: 129, signal.SIGINT: 130, signal.SIGTERM: 143}
"""Those that ask to leave, and the exit code of each."""

LEAVE_SECONDS = 1.8
"""From a signal to the end at the latest: two seconds with what the interpreter and the machine take."""
_CHECKPOINT_AFTER = 1.0
"""Seconds after which whoever should leave is not waited for any more: the queue is closed in their place."""
_LOOK_EVERY = 1000
"""Milliseconds between two looks whether the terminal is still watched for anybody."""
_LEAVE_SCREEN = b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?2004l\x1b[?1004l\x1b[?7h\x1b[<u\x1b[?1049l\x1b[?25h"
"""No mouse, no bracketed paste, no focus reports, lines wrap, keys as usual, the ordinary screen, a cursor."""


class Stop:
    """Set by a signal, or by a terminal that was hung up.

    `code` is written once, by the main thread (signals) or the one that watches the terminal, and read by any.
    `listener` and `checkpoint` are set by the main thread, before or after that.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        """Exit code of the first signal that came."""
        self.checkpoint: Callable[[], object] | None = None
        """Closes the queue; called from a thread of its own where nobody else came to it."""
        self._listener: Callable[[int], object] | None = None
        self._asked: queue.SimpleQueue[None] = queue.SimpleQueue()

    def ask(self, number: int) -> None:
        """Leave. From any thread, and from a signal handler; whoever asks again changes nothing."""
        if self.code is not None:
            return
        self.code = SIGNALS[signal.Signals(number)]
        # Of all ways to wake a thread this alone is safe wherever a handler may have interrupted the main thread.
        self._asked.put(None)
        if self._listener is not None:
            self._listener(self.code)

    def listen(self, listener: Callable[[int], object] | None) -> None:
        """Call this with the exit code when asked to leave; at once if that is so already."""
        self._listener = listener
        if listener is not None and self.code is not None:
            listener(self.code)

    def wait_asked(self) -> None:
        """Return when asked to leave, or when nobody needs to wait for that any more."""
        self._asked.get()

    def is_over(self) -> None:
        """Nobody needs to wait any more."""
        self._asked.put(None)


@contextmanager
def signals(screen: int | None = None) -> Iterator[Stop]:
    """While it lasts, a polite signal only asks to stop; one that was ignored (``nohup``) stays so.

    Whatever hangs meanwhile, the process is gone `LEAVE_SECONDS` later.

    Args:
        screen: Descriptor of a terminal that is used as a screen: it is restored if nobody else does, and when it is
            hung up that is the same as a signal, because there is nothing to show anything on.
    """
    stop = Stop()

    def note(number: int, frame: FrameType | None) -> None:
        stop.ask(number)

    heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in heard}
    over = threading.Event()
    attributes = None
    if screen is not None:
        with contextlib.suppress(termios.error):
            attributes = termios.tcgetattr(screen)
        threading.Thread(
            target=_watch_terminal, args=(stop, over, screen), name="s3tui-terminal", daemon=True
        ).start()
    threading.Thread(
        target=_see_to_it, args=(stop, over, screen, attributes), name="s3tui-leave", daemon=True
    ).start()
    try:
        yield stop
    finally:
        over.set()
        stop.is_over()
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch_terminal(stop: Stop, over: threading.Event, screen: int) -> None:
    """A terminal that is hung up is told by no signal if ``nohup`` ignores it, and reads as an endless end of file."""
    poll = select.poll()
    poll.register(screen, 0)
    while not over.is_set():
        try:
            found = poll.poll(_LOOK_EVERY)
        except OSError as error:
            log.warning("the terminal cannot be watched: %s", error.strerror)
            return
        if found:
            log.info("the terminal is gone")
            stop.ask(signal.SIGHUP)
            return


def _see_to_it(
    stop: Stop, over: threading.Event, screen: int | None, attributes: list[object] | None
) -> None:
    """Once asked to leave, be gone in time whatever the other threads do."""
    stop.wait_asked()
    if over.wait(_CHECKPOINT_AFTER):
        return
    if stop.checkpoint is not None:
        checkpoint = threading.Thread(target=stop.checkpoint, name="s3tui-checkpoint", daemon=True)
        checkpoint.start()
    if over.wait(LEAVE_SECONDS - _CHECKPOINT_AFTER):
        return
    # What is confirmed has been written when it was confirmed: leaving like this loses nothing.
    if screen is not None:
        _restore(screen, attributes)
    os._exit(stop.code or 1)


def _restore(screen: int, attributes: list[object] | None) -> None:
    """Give the terminal back as it was, if it takes anything."""
    with contextlib.suppress(OSError, ValueError, termios.error):
        if attributes is not None:
            termios.tcsetattr(screen, termios.TCSANOW, attributes)  # type: ignore[arg-type]
        out = sys.__stdout__.fileno() if sys.__stdout__ is not None else screen
        if select.select([], [out], [], 0.05)[1]:
            os.write(out, _LEAVE_SCREEN)
