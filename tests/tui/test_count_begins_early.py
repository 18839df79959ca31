"""What a question counts is not given up because the machine is slow to show the question."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine import Answer, CountProgress, Token
from tests.tui import example
from tests.tui.drive import main, running, until
from tui.screens.delete_question import DeleteScreen


async def test_a_count_goes_on_while_its_question_is_not_there_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as pilot:
        screen, looks = main(pilot), 0
        browser = screen.manager.browser
        token = browser.count([example.HERE])
        done = browser.answer(token)

        def slowly(asked: Token) -> Answer:
            nonlocal looks
            looks += 1
            return done if looks > 2 else replace(done, done=False, value=None)

        monkeypatch.setattr(browser, "answer", slowly)
        question = DeleteScreen("Delete logs/?", ["logs/"], example.HERE, None)
        screen._count_into(question, token)
        await until(pilot, lambda: question._counted is not None)
        assert isinstance(question._counted, CountProgress)
        assert looks == 3 and not question.is_attached
