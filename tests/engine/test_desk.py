"""Questions, threads and answers: nothing here waits for time, only for events."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from engine.browsing.answers import Answer, Token
from engine.browsing.desk import ANSWERS_KEPT, HANDS, LISTINGS_KEPT, MOST_WAITING, Desk, Question
from engine.page import EntryKind, PageBuilder

PATIENCE = 20.0


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.close()


def ended(desk: Desk, token: Token) -> Answer:
    """The final answer, waited for."""
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.005)):
        answer = desk.answer(token)
        if answer.done:
            return answer
        pause.wait(0.005)
    raise AssertionError("no answer")


class Stuck:
    """Work that hangs as a dead mount does: it hears of no cancel until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, question: Question) -> None:
        self.begun.set()
        self.go.wait(PATIENCE)


def test_a_question_is_answered_on_another_thread(desk: Desk) -> None:
    asker = threading.get_ident()
    answer = ended(desk, desk.ask("who", lambda q: q.show(threading.get_ident())))
    assert answer.problem is None
    assert answer.value not in (None, asker)


def test_threads_are_daemons_with_a_name(desk: Desk) -> None:
    answer = ended(desk, desk.ask("who", lambda q: q.show(threading.current_thread())))
    assert isinstance(answer.value, threading.Thread)
    assert answer.value.daemon
    assert answer.value.name.startswith("s3tui-")


@pytest.mark.fault(62)
def test_unexpected_error_becomes_a_problem_and_the_thread_survives(desk: Desk) -> None:
    def broken(question: Question) -> None:
        raise ZeroDivisionError

    for _ in range(HANDS * 2):
        problem = ended(desk, desk.ask("divide", broken)).problem
        assert problem is not None
        assert problem.what == "divide"
        assert problem.code == "internal"
    assert ended(desk, desk.ask("again", lambda q: q.show(1))).value == 1


def test_four_questions_are_answered_at_once(desk: Desk) -> None:
    meet = threading.Barrier(HANDS)
    tokens = [desk.ask("meet", lambda q: q.show(meet.wait(PATIENCE))) for _ in range(HANDS)]
    assert sorted(ended(desk, token).value for token in tokens) == list(range(HANDS))  # type: ignore[type-var]


def test_idle_threads_take_questions_that_come_together(desk: Desk) -> None:
    ended(desk, desk.ask("warm up", lambda q: None))
    meet = threading.Barrier(HANDS)
    tokens = [desk.ask("meet", lambda q: q.show(meet.wait(PATIENCE))) for _ in range(HANDS)]
    assert all(ended(desk, token).problem is None for token in tokens)


def test_cancelled_question_that_hangs_gives_its_place_to_others(desk: Desk) -> None:
    stuck = [Stuck() for _ in range(HANDS * 3)]
    for work in stuck:
        token = desk.ask("hang", work)
        assert work.begun.wait(PATIENCE)
        desk.cancel(token)
    assert ended(desk, desk.ask("work", lambda q: q.show("done"))).value == "done"
    for work in stuck:
        work.go.set()


def test_threads_that_come_back_do_not_pile_up(desk: Desk) -> None:
    stuck = [Stuck() for _ in range(HANDS * 3)]
    for work in stuck:
        token = desk.ask("hang", work)
        assert work.begun.wait(PATIENCE)
        desk.cancel(token)
    busy = [Stuck() for _ in range(HANDS)]
    for work in busy:
        desk.ask("work", work)
        assert work.begun.wait(PATIENCE)
    waits = desk.ask("wait", lambda q: q.show("answered"))
    for work in stuck:
        work.go.set()
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.005)):
        if desk._threads == HANDS:
            break
        pause.wait(0.005)
    assert desk._threads == HANDS
    assert not desk.answer(waits).done
    for work in busy:
        work.go.set()
    assert ended(desk, waits).value == "answered"


def test_cancel_reaches_the_work_and_frees_the_answer(desk: Desk) -> None:
    heard = threading.Event()
    begun = threading.Event()

    def work(question: Question) -> None:
        begun.set()
        question.cancel.wait(PATIENCE)
        heard.set()
        question.cancel.check()

    token = desk.ask("long", work)
    assert begun.wait(PATIENCE)
    desk.cancel(token)
    assert heard.wait(PATIENCE)
    problem = desk.answer(token).problem
    assert problem is not None
    assert problem.code == "stale"


def test_cancelled_while_waiting_it_is_never_begun(desk: Desk) -> None:
    hands = [Stuck() for _ in range(HANDS)]
    for work in hands:
        desk.ask("hold", work)
        assert work.begun.wait(PATIENCE)
    never = Stuck()
    desk.cancel(desk.ask("never", never))
    for work in hands:
        work.go.set()
    ended(desk, desk.ask("after", lambda q: None))
    assert not never.begun.is_set()


def test_too_many_questions_are_refused_in_words(desk: Desk) -> None:
    hands = [Stuck() for _ in range(HANDS)]
    for work in hands:
        desk.ask("hold", work)
        assert work.begun.wait(PATIENCE)
    for _ in range(MOST_WAITING):
        desk.ask("wait", lambda q: None)
    answer = desk.answer(desk.ask("one too many", lambda q: None))
    for work in hands:
        work.go.set()
    assert answer.done
    assert answer.problem is not None
    assert answer.problem.code == "busy"


def test_unfetched_answers_are_dropped_oldest_first(desk: Desk) -> None:
    tokens = [desk.ask("one", lambda q: q.show(1)) for _ in range(ANSWERS_KEPT + 10)]
    for token in tokens:
        ended(desk, token)
    kept = [token for token in tokens if desk.answer(token).problem is None]
    assert len(kept) == ANSWERS_KEPT


def test_listings_others_took_back_do_not_push_out_one_still_being_fetched(desk: Desk) -> None:
    def one_row(question: Question) -> None:
        page = PageBuilder()
        page.add("x", EntryKind.FILE)
        question.add_page(page.take())

    mine = desk.ask("list", one_row, listing=True)
    ended(desk, mine)
    for _ in range(LISTINGS_KEPT * 2):
        other = desk.ask("list", one_row, listing=True)
        ended(desk, other)
        desk.cancel(other)
    assert len(desk.pages(mine, 0).pages) == 1


def test_pages_come_as_they_are_found(desk: Desk) -> None:
    step, found = threading.Semaphore(0), threading.Semaphore(0)

    def work(question: Question) -> None:
        for number in range(3):
            assert step.acquire(timeout=PATIENCE)
            page = PageBuilder()
            page.add(str(number), EntryKind.FILE)
            question.add_page(page.take(), scanned=10)
            found.release()

    token = desk.ask("list", work, listing=True)
    assert desk.pages(token, 0).pages == ()
    step.release()
    assert found.acquire(timeout=PATIENCE)
    first = desk.pages(token, 0)
    assert [page.names for page in first.pages] == [["0"]]
    assert (first.scanned, first.done) == (10, False)
    step.release(2)
    ended(desk, token)
    rest = desk.pages(token, 1)
    assert [page.names for page in rest.pages] == [["1"], ["2"]]
    assert (rest.scanned, rest.done) == (30, True)


def test_after_close_nothing_is_begun(desk: Desk) -> None:
    desk.close()
    answer = desk.answer(desk.ask("late", lambda q: q.show(1)))
    assert answer.done
    assert answer.problem is not None
