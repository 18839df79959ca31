"""Questions, the few threads that answer them, and the answers until they are fetched."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from engine.browsing.answers import Answer, ListingProgress, Token
from engine.errors import EngineError, Interrupted, Problem, Retryable, explain
from engine.pace.cancel import CancelToken
from engine.pace.threads import start
from engine.page import Page

log = logging.getLogger(__name__)

HANDS = 4
"""Threads that answer questions somebody waits for."""

MOST_THREADS = 32
"""With those that hang in the kernel or on a server on behalf of nobody."""

MOST_WAITING = 1000
"""Questions that may wait for a thread."""

ANSWERS_KEPT = 256
LISTINGS_KEPT = 8
"""Finished and not cancelled by whoever asked; the oldest are dropped beyond that."""

Work = Callable[["Question"], None]
"""Answers a question: may call its `show` and `add_page` while it goes on."""


class Question:
    """One question and its answer so far.

    `pages`, `scanned`, `value`, `problem` and `done` are written by the thread that has it in hand
    and read by the asker, both under the desk's lock; `is_running` is the desk's, under its lock.
    """

    __slots__ = (
        "_lock",
        "cancel",
        "done",
        "is_listing",
        "is_running",
        "pages",
        "problem",
        "scanned",
        "token",
        "value",
        "what",
        "work",
    )

    def __init__(self, token: Token, what: str, work: Work, lock: threading.Lock, is_listing: bool) -> None:
        self.token, self.what, self.work, self.is_listing = token, what, work, is_listing
        self._lock = lock
        self.cancel = CancelToken()
        """Cancelled when nobody waits any more; checked between pages, closes sockets in use."""
        self.pages: list[Page] = []
        self.scanned = 0
        self.value: object = None
        self.problem: Problem | None = None
        self.done = False
        self.is_running = False

    def show(self, value: object) -> None:
        """The answer as far as it is known."""
        with self._lock:
            self.value = value

    def fail(self, problem: Problem) -> None:
        """Say in better words than the error's own why there is no answer."""
        with self._lock:
            self.problem = problem

    def add_page(self, page: Page, scanned: int | None = None) -> None:
        """One more page of a listing; `scanned` where it holds less than was read for it."""
        self.cancel.check()
        with self._lock:
            if len(page):
                self.pages.append(page)
            self.scanned += len(page) if scanned is None else scanned


class Desk:
    """Takes questions, hands them to threads, keeps the answers.

    Guarantees:
        Every method returns at once, from any thread; none waits for a disk or a server.

        `_lock` is a leaf: nothing is called while it is held. It guards everything below and the
        answers in each `Question`.

        A thread whose question was cancelled no longer counts as a hand, and another takes its place
        if there is something to do: a dead network mount never uses up all hands.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._come = threading.Condition(self._lock)
        self._questions: dict[Token, Question] = {}
        self._waiting: deque[Question] = deque()
        self._finished: deque[Token] = deque()
        self._finished_listings: deque[Token] = deque()
        self._last = 0
        self._hands = 0
        """Threads that are idle or at work on a question somebody waits for."""
        self._idle = 0
        self._threads = 0
        self._closed = False

    # -- for those who ask -------------------------------------------------------------------------

    def ask(self, what: str, work: Work, *, listing: bool = False) -> Token:
        """Have `work` answer a question in its turn.

        Args:
            what: What is asked for, for problems: ``list /data``.
        """
        with self._lock:
            self._last += 1
            question = Question(Token(self._last), what, work, self._lock, listing)
            self._questions[question.token] = question
            if self._closed or len(self._waiting) >= MOST_WAITING:
                why = "the program is ending" if self._closed else "too many questions wait already"
                question.problem = Problem(what, why, "Ask again later.", True, "busy")
                self._finish(question)
            else:
                self._waiting.append(question)
                self._call_hands()
            return question.token

    def pages(self, token: Token, after: int) -> ListingProgress:
        """A listing from the page with index `after` on."""
        with self._lock:
            question = self._questions.get(token)
            if question is None:
                return ListingProgress((), 0, True, _gone())
            self._call_first_hand()
            pages = tuple(question.pages[after:])
            return ListingProgress(pages, question.scanned, question.done, question.problem)

    def answer(self, token: Token) -> Answer:
        """How far any other question is."""
        with self._lock:
            question = self._questions.get(token)
            if question is None:
                return Answer(True, None, _gone())
            self._call_first_hand()
            return Answer(question.done, question.value, question.problem)

    def cancel(self, token: Token) -> None:
        """Nobody waits for it any more: stop the work, drop what was found."""
        with self._lock:
            question = self._questions.pop(token, None)
            if question is None:
                return
            if question.is_running:
                self._hands -= 1
                self._call_hands()
            elif question.done:
                self._kept(question)[0].remove(token)
            else:
                self._waiting.remove(question)
        question.cancel.cancel("nobody waits for it")

    def close(self) -> None:
        """Cancel everything and let the threads end; waits for none of them."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
            running = [q for q in self._questions.values() if q.is_running]
            self._come.notify_all()
        for question in running:
            question.cancel.cancel("closing")

    # -- the threads -------------------------------------------------------------------------------

    def _call_hands(self) -> None:
        """With the lock held: see to it that somebody takes what waits."""
        # A thread that was woken still counts as idle until it has the lock: never rely on it twice.
        if len(self._waiting) <= self._idle:
            self._come.notify()
        elif self._hands < HANDS and self._threads < MOST_THREADS:
            name = f"s3tui-browser-{self._threads + 1}"
            try:
                start(threading.Thread(target=self._loop, name=name, daemon=True), operation="browse")
            except Retryable as error:
                log.warning("browser: %d threads: %s", self._threads, error.detail)
            else:
                self._threads += 1
                self._hands += 1

    def _call_first_hand(self) -> None:
        """With the lock held: nobody could be found when it was asked for; perhaps now."""
        if self._waiting and not self._hands and not self._closed:
            self._call_hands()

    def _loop(self) -> None:
        while True:
            with self._lock:
                question = self._next()
            if question is None:
                return
            problem = self._work(question)
            with self._lock:
                question.problem = problem or question.problem
                if question.token in self._questions:
                    self._finish(question)
                elif self._hands < HANDS:
                    self._hands += 1
                else:
                    self._threads -= 1
                    return

    def _next(self) -> Question | None:
        """With the lock held: the next question, waited for; ``None`` at the end."""
        while not self._waiting and not self._closed:
            self._idle += 1
            try:
                self._come.wait()
            finally:
                self._idle -= 1
        if self._closed:
            self._hands -= 1
            self._threads -= 1
            return None
        question = self._waiting.popleft()
        question.is_running = True
        return question

    def _work(self, question: Question) -> Problem | None:
        try:
            question.work(question)
        except Interrupted:
            return _gone()
        except EngineError as error:
            return explain(error, what=question.what)
        except Exception as error:  # the thread must survive; whoever asked is told
            log.exception("browser: %s", type(error).__name__)
            return explain(error, what=question.what)
        return None

    def _finish(self, question: Question) -> None:
        """With the lock held: the answer is final. Forget the oldest of those nobody took back."""
        question.done, question.is_running = True, False
        kept, most = self._kept(question)
        kept.append(question.token)
        while len(kept) > most:
            del self._questions[kept.popleft()]

    def _kept(self, question: Question) -> tuple[deque[Token], int]:
        """Where finished questions of its kind are remembered, oldest first, and how many."""
        if question.is_listing:
            return self._finished_listings, LISTINGS_KEPT
        return self._finished, ANSWERS_KEPT


def _gone() -> Problem:
    return Problem("answer", "it is no longer waited for", "Ask again.", True, "stale")
