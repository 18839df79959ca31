"""Whatever happens to a queue, in whatever order, it keeps what it has promised."""

from __future__ import annotations

from tests.torture.model import run_model


def test_no_order_of_events_makes_a_queue_lose_repeat_or_revive_anything() -> None:
    run_model(examples=100)
