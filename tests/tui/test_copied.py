"""What is given to the clipboard can be read where no clipboard took it; a link only on a key."""

from __future__ import annotations

from tests.tui.drive import press, running, text, until
from tui.screens.copied import CopiedScreen


async def test_a_link_is_shown_from_edge_to_edge_on_a_key() -> None:
    async with running() as pilot:
        await press(pilot, "tab", "j", "j", "j", "Y", "enter")
        await until(pilot, lambda: "Copied a link" in text(pilot))
        assert "X-Amz" not in text(pilot) and "set-clipboard on" in text(pilot)
        await press(pilot, "s")
        assert pilot.app.clipboard in text(pilot).replace("\n", "")
        assert isinstance(pilot.app.screen, CopiedScreen)
        await press(pilot, "escape")
        assert "X-Amz" not in text(pilot)


async def test_a_long_address_is_shown_whole_without_a_frame_beside_it() -> None:
    address = "s3://bucket/" + "/".join(f"folder {n:02}" for n in range(20))
    async with running() as pilot:
        pilot.app.push_screen(CopiedScreen(address, "The address, as text:"))
        await pilot.pause()
        lines = text(pilot).split("\n")
        first = next(n for n, line in enumerate(lines) if line.startswith("s3://bucket/"))
        assert address in "".join(line.ljust(80) for line in lines[first : first + 3]), text(pilot)
        assert pilot.app.clipboard == address


async def test_y_shows_the_address_that_it_copies() -> None:
    async with running() as pilot:
        await press(pilot, "tab", "j", "j", "j", "y")
        assert "s3://backups/2026/dump.tar" in text(pilot) and "Copied" in text(pilot)
        assert pilot.app.clipboard == "s3://backups/2026/dump.tar"
