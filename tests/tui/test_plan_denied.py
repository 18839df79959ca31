"""Plans where not everything may be looked at: they end, say so, and can be started all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import LocalRef, Location, ObjectRef
from tests.engine.queue.real import running_at, write
from tests.servers.scripted import ScriptedS3
from tests.tui.real_panes import RealScreen
from tui.app import S3TuiApp


@pytest.fixture
def s3() -> Iterator[ScriptedS3]:
    with ScriptedS3("b") as server:
        yield server


async def test_what_may_not_be_looked_at_is_not_compared_and_goes_all_the_same(
    s3: ScriptedS3, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        write(tmp_path / "data" / "logs" / name, 100)
    s3.put("b", "logs/a", b"other")
    for operation in ("ListObjectsV2", "HeadObject"):
        s3.refuse("AccessDenied", 403, operation=operation)
    with running_at(s3.url, tmp_path / "state") as engine:
        there = Location(ObjectRef("b"), engine.profile.connection_id)
        app = S3TuiApp(engine.manager, left=Location(LocalRef(f"{tmp_path}/data/")), right=there)
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            screen = RealScreen(pilot, app, engine)
            await screen.press("j", "c")
            await screen.shows("2 items, 200 bytes, all looked at · 1 could not be compared")
            await screen.press("j", "j")
            await screen.shows("? not compared yet          1     100B   replace if newer")
            assert s3.count("HeadObject") < 10, "each is asked for once"
            await screen.press("o", "enter")
            await screen.idle(2)
    assert s3.data("b", "logs/a") == (tmp_path / "data" / "logs" / "a").read_bytes()
    assert s3.data("b", "logs/b") is not None
