"""What is known is said where one decides: whether a sync's deletions can be undone, where `c` of the versions copies to."""

from __future__ import annotations

import pytest

from engine import Details, EntryKind, Location, ObjectRef, VersionListing
from tests.tui import example
from tests.tui.drive import engine, main, press, running, text, until
from tests.tui.test_compare_screen import compared, idle
from tui.screens.details import DetailsScreen
from tui.screens.plan import PlanScreen
from tui.screens.versions import VersionsScreen


@pytest.mark.parametrize(
    ("versioning", "said"),
    [
        ("enabled", "keeps it as a version: V restores it"),
        ("off", "the bucket keeps no versions"),
        ("not allowed: needs s3:GetBucketVersioning", "unless the bucket keeps versions"),
    ],
)
async def test_a_sync_that_deletes_says_what_is_known_of_versions(versioning: str, said: str) -> None:
    manager = idle()
    manager.browser.values["details"] = Details(EntryKind.BUCKET, more=(("Versioning", versioning),))
    async with running(manager) as pilot:
        await compared(pilot)
        await press(pilot, "equals_sign", "r")
        await until(pilot, lambda: isinstance(pilot.app.screen, PlanScreen))
        await press(pilot, "G", "d", "enter")
        await until(pilot, lambda: said in " ".join(text(pilot).replace("│", " ").split()))
        asked = [what for kind, what in engine(pilot).browser.asked if kind == "details"]
        assert asked == [Location(ObjectRef("backups"), example.PROD.connection_id)]


async def test_the_versions_say_where_they_are_copied_to_and_show_their_keys() -> None:
    async with running() as pilot:
        engine(pilot).browser.values["versions"] = VersionListing("enabled", ())
        await press(pilot, "tab", *"jjjjj", "V")
        await until(pilot, lambda: isinstance(pilot.app.screen, VersionsScreen))
        assert "versions of s3://backups/2026/manifest.json · c copies to ~/data ─" in text(pilot)
        await press(pilot, "question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, DetailsScreen))
        assert "Keys of the versions" in text(pilot) and "copy to the place of the other pane" in text(pilot)


async def test_the_uploads_show_their_keys() -> None:
    async with running() as pilot:
        await press(pilot, "tab", "U", "question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, DetailsScreen))
        assert "Keys of the uploads" in text(pilot) and "abort it" in text(pilot)
        await press(pilot, "escape", "escape")
        assert main(pilot).is_current
