"""Removing an empty bucket."""

from __future__ import annotations

from engine import BucketContent, Location
from tui.safe_text import display
from tui.screens.base import MainBase
from tui.screens.typed_confirm import TypedConfirmScreen


class BucketActions(MainBase):
    """Part of the main screen."""

    async def remove_bucket(self) -> None:
        """Remove the bucket under the cursor: only an empty one, and after its name was typed."""
        pane = self.pane
        rows = pane.selection(2)
        if len(rows) > 1:
            self.tell("Buckets are removed one at a time: take the marks off (A)", bad=True)
            return
        assert pane.location is not None
        bucket = rows[0].name
        location = Location(pane.place_of(rows[0]), pane.location.connection)
        browser = self.manager.browser
        counted = await self.answer(browser.bucket_content(location), f"Looking into {display(bucket)}")
        if counted is None:
            return
        if isinstance(counted.value, BucketContent) and not counted.value.is_empty:
            self.tell(
                f"{display(bucket)} is not empty: {display(str(counted.value))}. "
                "Delete it first: V shows versions and delete markers, U unfinished uploads",
                bad=True,
            )
            return
        lines = [
            "It is empty: no object, no older version, no unfinished upload.",
            "Its settings (policy, lifecycle, tags) go with it, and somebody else may take its name.",
        ]
        question = TypedConfirmScreen(f"Remove the bucket {bucket}?", lines, bucket)
        if await self.app.push_screen_wait(question):
            removed = await self.answer(browser.remove_bucket(location), f"Removing {display(bucket)}")
            if removed is not None:
                self.tell(f"Removed the bucket {display(bucket)}")
                pane.model.mark_none()
                pane.reload()
