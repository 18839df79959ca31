"""Images are drawn in half blocks where there are colours, and never at the cost of anything else."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image
from rich.color import Color

from engine import Preview, Problem
from tests.tui import looked_at
from tests.tui.drive import Driver, drawn, engine, press, running, text, until
from tests.tui.looked_at import BLUE, GREEN, RED, WHITE, Colour, done_here, striped
from tests.tui.test_preview import MANIFEST, ON_MANIFEST, asked, inside
from tui import themes
from tui.looking import picture
from tui.looking.picture import FORMATS, MOST_BYTES, Picture, drawing, format_of, measuring, picture_of
from tui.screens.preview import PreviewScreen
from tui.widgets.preview_view import PreviewView

BLACK = (0, 0, 0)


def encoded(format: str, mode: str = "RGB", size: tuple[int, int] = (40, 30)) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, RED).convert(mode).save(out, format)
    return out.getvalue()


def drawn_image(data: bytes, across: int = 8, down: int = 8) -> Picture | str:
    return decoded(format_of(data), data, across, down)


def decoded(
    format: str, data: bytes, across: int = 8, down: int = 8, ground: Colour = BLACK
) -> Picture | str:
    return picture_of(done_here(drawing(format, data, across, down, ground), picture.made))


async def look(pilot: Driver, data: bytes) -> PreviewView:
    """Until all that goes on apart has ended."""
    engine(pilot).browser.contents[MANIFEST] = data
    await press(pilot, *ON_MANIFEST, "p")
    await until(pilot, lambda: isinstance(pilot.app.screen, PreviewScreen))
    view = pilot.app.screen.query_one(PreviewView)
    await until(pilot, lambda: not [worker for worker in pilot.app.workers if worker.node is view])
    return view


def cells(view: PreviewView, y: int) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    """The half blocks of a line: character, upper and lower colour."""

    def rgb(color: Color | None) -> tuple[int, ...]:
        return tuple(color.get_truecolor()) if color is not None else ()

    return [
        (char, rgb(style.color), rgb(style.bgcolor))
        for words, style, _ in view.render_line(y)
        if style is not None
        for char in words
        if char != " "
    ]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_each_format_is_known_by_its_beginning_and_decoded(format: str, mode: str) -> None:
    if (format, mode) == ("JPEG", "P"):
        mode = "CMYK"
    data = encoded(format, mode)
    found = drawn_image(data)
    assert format_of(data) == format
    assert isinstance(found, Picture) and str(found) == f"40×30 {format}"
    assert (found.across, found.down) == (8, 6)
    point = found.point(3, 3)
    assert point is not None and (point[0] > 200 or mode == "L") and found.point(0, 6) is None


@pytest.mark.parametrize(
    "beginning", [b"%!PS-Adobe-3.0 EPSF", b"II*\0", b"<svg>", b"BMW, a car", b"RIFF1234WAVE", b""]
)
def test_no_other_format_reaches_a_decoder(beginning: bytes) -> None:
    assert format_of(beginning + bytes(100)) == ""


def test_a_decoder_gets_only_what_it_is_for() -> None:
    assert isinstance(decoded("PNG", encoded("GIF")), str)


def test_what_is_clear_shows_the_ground_and_grey_of_16_bits_is_grey() -> None:
    out = BytesIO()
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(out, "PNG")
    clear = decoded("PNG", out.getvalue(), ground=(1, 2, 3))
    assert isinstance(clear, Picture) and clear.point(0, 0) == (1, 2, 3)
    out = BytesIO()
    Image.new("I;16", (4, 4), 0x8000).save(out, "PNG")
    grey = drawn_image(out.getvalue())
    assert isinstance(grey, Picture) and grey.point(0, 0) == (128, 128, 128)


@pytest.mark.parametrize("format", FORMATS)
def test_damaged_images_are_said_to_be_so(format: str) -> None:
    data = encoded(format, size=(200, 200))
    for broken in (data[: len(data) // 2], data[:30], data[:20] + bytes(len(data) - 20)):
        found = decoded(format, broken)
        assert isinstance(found, Picture) or "damaged" in found
    assert isinstance(decoded(format, data[:30]), str)


def test_a_few_bytes_that_claim_to_be_a_giant_are_not_unpacked() -> None:
    found = drawn_image(looked_at.png([[RED]], claims=(60_000, 60_000)))
    assert found == "is not drawn: 60,000×60,000 pixels are too many"


def test_the_beginning_is_enough_for_width_and_height() -> None:
    data = striped(900, 700)
    found = picture_of(measuring("PNG", data[:200]).run())
    assert isinstance(found, Picture) and (str(found), found.points) == ("900×700 PNG", b"")


@pytest.mark.parametrize(
    "answered", [b"", b"[]\n", b"{}\n", b'{"format": "PNG", "width": 1}\nx', b"\xff" * 99]
)
def test_an_answer_that_is_none_draws_nothing(answered: bytes) -> None:
    assert isinstance(picture_of(answered), str)


async def test_an_image_is_drawn_two_points_in_each_cell() -> None:
    async with running() as pilot:
        view = await look(pilot, striped(6, 4))
        assert inside(pilot)[0] == " image · 6×4 PNG · 144 bytes"
        assert cells(view, 0) == [("▀", RED, GREEN)] * 6
        assert cells(view, 1) == [("▀", BLUE, WHITE)] * 6
        await press(pilot, "tab")
        assert inside(pilot)[1].startswith("00000000  89 50 4e 47")
        await press(pilot, "tab")
        assert "▀▀▀▀▀▀" in inside(pilot)[1]


async def test_an_image_fits_the_screen_also_when_that_changes() -> None:
    async with running() as pilot:
        view = await look(pilot, striped(3000, 2000))
        first = view.picture
        assert first is not None and first.across <= view.size.width and view.picture_rows <= view.size.height
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: view.picture is not None and view.picture.across > first.across)
        assert view.picture is not None and view.picture_rows <= view.size.height


async def test_a_bigger_image_is_fetched_whole_but_never_above_8_mib() -> None:
    async with running() as pilot:
        noise = Image.effect_noise((500, 400), 90)
        out = BytesIO()
        noise.save(out, "PNG")
        assert len(out.getvalue()) > 65536
        view = await look(pilot, out.getvalue())
        await until(pilot, lambda: view.picture_rows > 0)
        assert [what[3] for kind, what in engine(pilot).browser.asked if kind == "preview"] == [
            65536,
            MOST_BYTES,
        ]
        assert [etag for _, etag in asked(pilot)] == ["", "abc"]
    async with running() as pilot:
        engine(pilot).browser.values["preview"] = Preview(striped(6, 4), 0, 65536, MOST_BYTES + 1, "abc")
        await look(pilot, b"")
        assert "this PNG image is above 8 MiB: not fetched to be drawn · hex" in inside(pilot)[0]
        assert len(asked(pilot)) == 1 and "89 50 4e 47" in text(pilot)


async def test_why_an_image_is_not_drawn_is_said_above_its_bytes() -> None:
    async with running() as pilot:
        await look(pilot, striped(60, 40)[:-40])
        said = " ".join(line.strip() for line in inside(pilot)[:2])
        assert said.startswith(
            "this PNG image cannot be drawn: it is damaged, cut off, or too much work · hex"
        )
        assert inside(pilot)[2].startswith("00000000  89 50 4e 47")
        assert "image" not in drawn(pilot)[-1]


async def test_an_image_that_cannot_be_fetched_whole_says_why() -> None:
    async with running() as pilot:
        browser, part = engine(pilot).browser, striped(6, 4)
        browser.values["preview"] = Preview(part, 0, len(part), 100_000, "abc")
        browser.unfinished.add("preview")
        await press(pilot, *ON_MANIFEST, "p")
        problem = Problem("look into it", "the object has changed", "Look again.", True, "object-changed")
        browser.unfinished.clear()
        asks = browser.preview

        def changed(*asked: object) -> object:
            browser.values["preview"] = problem
            return asks(*asked)

        browser.preview = changed
        await until(pilot, lambda: "could not be fetched" in text(pilot))
        assert "the object has changed" in " ".join(inside(pilot)[:3])
        assert "89 50 4e 47" in text(pilot)


@pytest.mark.parametrize("plain", ["NO_COLOR", *themes.TERMINAL, "16 colours"])
async def test_without_colours_enough_an_image_is_described(
    plain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    theme = plain if plain in themes.TERMINAL else None
    if plain == "NO_COLOR":
        monkeypatch.setenv("NO_COLOR", "1")
    if plain == "16 colours":
        monkeypatch.delenv("COLORTERM")
        monkeypatch.setenv("TERM", "linux")
    async with running(theme=theme) as pilot:
        await look(pilot, striped(800, 600))
        said = " ".join(line.strip() for line in inside(pilot)[1:4])
        assert said.startswith("An image: 800×600 PNG, ") and "256 colours" in said
        assert "▀" not in text(pilot) and len(asked(pilot)) == 1
        await press(pilot, "tab")
        assert "89 50 4e 47" in text(pilot)


async def test_a_theme_without_colours_takes_the_picture_away() -> None:
    async with running() as pilot:
        await look(pilot, striped(6, 4))
        assert "▀" in text(pilot)
        pilot.app.theme = themes.NO_COLOUR
        await until(pilot, lambda: "An image: 6×4 PNG" in text(pilot))
        assert "▀" not in text(pilot)
