"""Images as a few coloured points. Pillow decodes them, apart; what is no image of five formats never reaches it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from tui.looking.apart import Apart, answer, given

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_BYTES = 8 * 1024 * 1024
"""Of an image; bigger ones are not fetched to be drawn."""
MOST_PIXELS = 64_000_000
"""Of an image; a few bytes can stand for more than fits into memory."""
MOST_POINTS = 512
"""Of what is drawn, each way: more cells than that no terminal has."""
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
Colour = tuple[int, int, int]
_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
)
_UNREADABLE = "cannot be drawn: it is damaged, cut off, or too much work"


@dataclass(frozen=True, slots=True)
class Picture:
    """An image, or what is known of it."""

    format: str
    width: int
    height: int
    """Of the image, in pixels."""
    across: int = 0
    down: int = 0
    """Of `points`; nothing where only the facts were asked for."""
    points: bytes = b""
    """Red, green, blue; line by line."""

    def __str__(self) -> str:
        """

        >>> str(Picture("PNG", 800, 600))
        '800×600 PNG'
        """
        return f"{self.width}×{self.height} {self.format}"

    def point(self, x: int, y: int) -> Colour | None:
        """The colour there; ``None`` below the last line."""
        at = (y * self.across + x) * 3
        return (self.points[at], self.points[at + 1], self.points[at + 2]) if y < self.down else None


def format_of(data: bytes) -> str:
    """The format of the image that begins so; empty where it is none that can be drawn.

    >>> format_of(b"GIF89a..."), format_of(b"GIF by hand")
    ('GIF', '')
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[:2] == b"BM" and data[6:10] == b"\0\0\0\0" and len(data) > 26:
        return "BMP"
    return next((name for beginning, name in _BEGINNINGS if data.startswith(beginning)), "")


def measuring(format: str, data: bytes) -> Apart:
    """The work of finding width and height; the beginning of the image is enough for most."""
    return Apart(__name__, {"format": format, "across": 0, "down": 0}, data)


def drawing(format: str, data: bytes, across: int, down: int, ground: Colour) -> Apart:
    """The work of making it so small that it takes no more points each way; what is clear gets the colour of the ground."""
    across, down = max(1, min(across, MOST_POINTS)), max(1, min(down, MOST_POINTS))
    return Apart(__name__, {"format": format, "across": across, "down": down, "ground": ground}, data)


def picture_of(answered: bytes) -> Picture | str:
    """What came of it: the picture, or why there is none, to follow after "this image"."""
    head, _, points = answered.partition(b"\n")
    try:
        said = json.loads(head)
        width, height, across, down = (int(said[name]) for name in ("width", "height", "across", "down"))
        format = str(said["format"])
    except (ValueError, KeyError, TypeError):
        return _UNREADABLE
    if width * height > MOST_PIXELS:
        return f"is not drawn: {width:,}×{height:,} pixels are too many"
    if len(points) != across * down * 3 or format not in FORMATS:
        return _UNREADABLE
    return Picture(format, width, height, across, down, points)


def main() -> None:
    """In the child."""
    answer(made(*given()))


def made(asked: Mapping[str, object], data: bytes) -> bytes:
    """Of an image its facts, and its points where they were asked for.

    Raises:
        Exception: Whatever Pillow raises where it is damaged.
    """
    from PIL import Image, ImageFile

    Image.MAX_IMAGE_PIXELS = None  # Ours is looked at below, and an answer rather than a warning.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    format = str(asked["format"])
    image = Image.open(BytesIO(data), formats=[format])
    facts: dict[str, object] = {"format": format, "width": image.width, "height": image.height}
    points, across, down = b"", 0, 0
    if asked["across"] and image.width * image.height <= MOST_PIXELS:
        small = _small(image, int(str(asked["across"])), int(str(asked["down"])))
        across, down = small.size
        points = _on_ground(small, asked["ground"])
    return json.dumps(facts | {"across": across, "down": down}).encode("ascii") + b"\n" + points


def _small(image: Image, across: int, down: int) -> Image:
    """Its first frame, as people hold it, in so many points at most."""
    from PIL import ImageOps

    image.draft("RGB", (across * 2, down * 2))  # JPEG: most of it need not be decoded.
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value / 256).convert("L")  # 16 bits of grey
    else:
        image = image.convert(
            "RGBA" if image.has_transparency_data else "RGB"
        )  # Palettes cannot be averaged.
    ImageOps.exif_transpose(image, in_place=True)
    image.thumbnail((across, down), reducing_gap=2.0)
    return image


def _on_ground(image: Image, ground: object) -> bytes:
    from PIL import Image

    if image.mode != "RGBA":
        return image.convert("RGB").tobytes()
    assert isinstance(ground, list)
    whole = Image.new("RGBA", image.size, (*ground, 255))
    whole.alpha_composite(image)
    return whole.convert("RGB").tobytes()


if __name__ == "__main__":
    main()
