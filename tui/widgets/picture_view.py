"""A list that can show a picture in place of its rows: two points in each cell, one above the other."""

from __future__ import annotations

import asyncio

from rich.segment import Segment
from rich.style import Style
from textual.color import Color as AppColor
from textual.message import Message
from textual.strip import Strip

from tui import format
from tui.looking.apart import Apart
from tui.looking.picture import Picture, drawing, measuring, picture_of
from tui.off_the_loop import off_the_loop
from tui.widgets.line_table import LineTable

_UPPER_HALF = "▀"


class PictureView(LineTable):
    """Draws an image by the lines of the screen. All state is written by the UI thread only."""

    class ImageChanged(Message):
        """More is known of the image, or that it cannot be drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.view = ""
        """What is shown; ``image`` for the picture."""
        self.image_format = ""
        """Of the image that this is; empty where it is none."""
        self.picture: Picture | None = None
        self.image_remark = ""
        """Why the image is not drawn and its bytes are shown; empty where it is, or may still be."""
        self.image_words = ""
        """What to say in the place of the picture while there is none."""
        self._image = b""
        self._asked_for = (0, 0)

    @property
    def is_image(self) -> bool:
        """It is one, and there is no reason yet not to look at it as one."""
        return bool(self.image_format) and not self.image_remark

    @property
    def draws_pictures(self) -> bool:
        """The terminal and the theme have colours enough."""
        app = self.app
        is_plain = app.no_color or app.current_theme.ansi
        return not is_plain and app.console.color_system in ("256", "truecolor")

    @property
    def picture_rows(self) -> int:
        """Lines that the picture takes; none where it is only described."""
        has_points = self.picture is not None and self.draws_pictures
        return (self.picture.down + 1) // 2 if self.picture is not None and has_points else 0

    def draw(self, image: bytes) -> None:
        """Draw this image, all of which is here, as soon as it is decoded."""
        self._image = image
        self.image_words = "Drawing…"
        self.refresh()
        self._draw_to_fit()

    def describe(self, beginning: bytes, size: int) -> None:
        """Say what image this is, without drawing it."""
        self.image_words = _described(self.image_format, size)
        self.refresh()
        self.run_worker(self._measure(beginning, size), group="image", exclusive=True)

    def do_not_draw(self, why: str) -> None:
        """Say why not; the bytes are shown instead."""
        self.image_remark, self.picture, self._image = why, None, b""
        self.post_message(self.ImageChanged())

    def on_resize(self) -> None:
        """Draw it as big as there is room now."""
        if self._image:
            self._draw_to_fit()
        super().on_resize()

    def _draw_to_fit(self) -> None:
        room = (max(self.size.width - 1, 1), max(self.size.height, 1) * 2)
        if room != self._asked_for:
            self._asked_for = room
            self.run_worker(self._draw(room), group="image", exclusive=True)

    async def _draw(self, room: tuple[int, int]) -> None:
        ground = AppColor.parse(self.app.theme_variables["background"]).rgb
        found = picture_of(await self.made_by(drawing(self.image_format, self._image, *room, ground)))
        if isinstance(found, str):
            self.do_not_draw(f"this {self.image_format} image {found}")
            return
        self.picture = found
        self.image_words = _described(str(found), len(self._image))
        self.refresh()
        self.post_message(self.ImageChanged())

    async def _measure(self, beginning: bytes, size: int) -> None:
        found = picture_of(await self.made_by(measuring(self.image_format, beginning)))
        if isinstance(found, Picture):
            self.picture = found
            self.image_words = _described(str(found), size)
            self.refresh()
            self.post_message(self.ImageChanged())

    async def made_by(self, work: Apart) -> bytes:
        """What comes of this work; it ends when nobody waits for it any more."""
        try:
            return await off_the_loop(work.run)
        except asyncio.CancelledError:
            work.stop()
            raise

    def render_line(self, y: int) -> Strip:
        """See `LineTable.render_line`."""
        if self.view != "image" or self.picture is None or y >= self.picture_rows:
            return super().render_line(y)
        base, cells = self.rich_style, self.size.width
        before = max(cells - self.picture.across, 0) // 2
        points = [_half_blocks(self.picture, x, y * 2, base) for x in range(min(self.picture.across, cells))]
        blank = Segment(" " * before, base)
        return Strip([blank, *points]).simplify().adjust_cell_length(cells, base)


def _half_blocks(picture: Picture, x: int, y: int, base: Style) -> Segment:
    upper, lower = picture.point(x, y), picture.point(x, y + 1)
    style = base + Style(color=_rgb(upper), bgcolor=_rgb(lower))
    return Segment(_UPPER_HALF, style)


def _rgb(colour: tuple[int, int, int] | None) -> str | None:
    return None if colour is None else "#{:02x}{:02x}{:02x}".format(*colour)


def _described(what: str, size: int) -> str:
    facts = f"An image: {what}, {format.size_long(size)}."
    return f"{facts} It is drawn where terminal and theme have 256 colours or more; Tab shows its bytes."
