"""Waiting for a browser's answers in tests."""

from __future__ import annotations

import threading

from engine.browser import Answer, Browser, ListingProgress, Token
from engine.page import EntryKind

PATIENCE = 20.0


def ended(browser: Browser, token: Token) -> Answer:
    """The final answer, waited for."""
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.005)):
        answer = browser.answer(token)
        if answer.done:
            return answer
        pause.wait(0.005)
    raise AssertionError("no answer")


def listed(browser: Browser, token: Token) -> ListingProgress:
    """The whole listing, waited for."""
    ended(browser, token)
    return browser.pages(token)


def names(progress: ListingProgress) -> list[tuple[str, EntryKind]]:
    """Names and kinds of a listing, sorted."""
    return sorted(
        (name, EntryKind(kind))
        for page in progress.pages
        for name, kind in zip(page.names, page.kinds, strict=True)
    )


def code(answer: Answer | ListingProgress) -> str:
    """The code of the problem there must be."""
    assert answer.problem is not None, answer
    return answer.problem.code
