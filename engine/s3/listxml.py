"""One page of ListObjectsV2 read from its XML, a few microseconds a key. Pure."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote_plus
from xml.parsers import expat

from engine.page import EntryKind, Page

_ROOT = "ListBucketResult"

_UNFINISHED = frozenset(
    (
        expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS],
        expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_TOKEN],
        expat.errors.codes[expat.errors.XML_ERROR_PARTIAL_CHAR],
    )
)
"""What expat says of a document that ends too early."""


class NotAListing(Exception):
    """The document is none of ListObjectsV2, or cannot be read."""


class CutOff(Exception):
    """The document begins as a listing, and ends too early."""


class ErrorInside(Exception):
    """The document is an error of S3 that came as a success."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Listed:
    """One page, and how to ask for the next."""

    page: Page
    is_truncated: bool
    continuation: str
    """The token for the next page; empty at the end, and from servers that know only version 1."""
    last_key: str
    """The greatest key or prefix of the page; empty if it is empty."""


def read_listing(document: bytes, prefix: str, delimiter: str | None) -> Listed:
    """A page with names relative to `prefix`.

    Keys outside the prefix, which no server should send, are left out. With a delimiter, so is the
    object whose key is the prefix itself.

    Raises:
        NotAListing, CutOff, ErrorInside: There is no page in the document.
    """
    reader = _Reader()
    reader.read(document)
    fields = reader.fields
    if fields.get("IsTruncated") not in ("true", "false"):
        raise NotAListing("it does not say whether it is complete")
    objects = reader.objects
    keys, folders = [row[0] for row in objects], reader.prefixes
    if fields.get("EncodingType", "").lower() == "url":
        keys, folders = _decoded(keys), _decoded(folders)
    last_key = max(keys[-1:] + folders[-1:], default="")
    if not all(key.startswith(prefix) for key in keys) or (delimiter and prefix in keys):
        rows = [
            row
            for row, key in enumerate(keys)
            if key.startswith(prefix) and not (delimiter and key == prefix)
        ]
        keys, objects = [keys[row] for row in rows], [objects[row] for row in rows]
    folders = [folder for folder in folders if folder.startswith(prefix)]
    page = _page(keys, objects, folders, len(prefix), delimiter or "")
    return Listed(page, fields["IsTruncated"] == "true", fields.get("NextContinuationToken", ""), last_key)


def when(text: str) -> float:
    """An ISO date as seconds since the epoch; 0.0 for what is none.

    >>> when("2001-09-09T01:46:40.500Z")
    1000000000.5
    """
    try:
        moment = datetime.fromisoformat(text)
        # Without a zone it would be taken for the time of this machine.
        return moment.timestamp() if moment.tzinfo is not None else 0.0
    except (ValueError, OverflowError):
        return 0.0


def _decoded(texts: list[str]) -> list[str]:
    return [unquote_plus(text) if "%" in text or "+" in text else text for text in texts]


def _page(keys: list[str], objects: list[_Row], folders: list[str], cut: int, delimiter: str) -> Page:
    classes: dict[str, str] = {}
    names = [key[cut:] for key in keys]
    names += [folder[cut:].removesuffix(delimiter) for folder in folders]
    below = len(folders)
    return Page(
        names,
        array("q", [_size(row[3]) for row in objects] + [-1] * below),
        array("d", [when(row[1]) for row in objects] + [0.0] * below),
        bytearray([EntryKind.FILE]) * len(keys) + bytearray([EntryKind.FOLDER]) * below,
        [row[2].strip('"') for row in objects] + [""] * below,
        # One text for all: a million rows name a handful of classes.
        [classes.setdefault(row[4], row[4]) for row in objects] + [""] * below,
    )


def _size(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 19 else -1


_Row = tuple[str, str, str, str, str]
"""Raw texts of one object: key, date, ETag, size, class."""


class _Reader:
    """Collects what a document says of objects and prefixes, and its other fields by name."""

    def __init__(self) -> None:
        self.objects: list[_Row] = []
        self.prefixes: list[str] = []
        self.fields: dict[str, str] = {}
        self._root = ""

    def read(self, document: bytes) -> None:
        """Read one whole document."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._first
        parser.StartDoctypeDeclHandler = _refuse_doctype
        self._attach(parser)
        try:
            parser.Parse(document, True)
        except expat.ExpatError as error:
            if self._root == _ROOT and error.code in _UNFINISHED:
                raise CutOff("it ends too early") from error
            raise NotAListing(f"it is no XML: {error}") from error
        except (LookupError, ValueError) as error:  # It names an encoding that there is not.
            raise NotAListing(f"it cannot be read: {error}") from error
        if self._root == "Error":
            raise ErrorInside(self.fields.get("Code", ""), self.fields.get("Message", ""))

    def _first(self, name: str, attributes: object) -> None:
        """The root element; after it, the handler of `_attach` takes over."""
        self._root = name
        if name not in (_ROOT, "Error"):
            raise NotAListing("it is something else")
        self._parser.StartElementHandler = self._clear

    def _attach(self, parser: expat.XMLParserType) -> None:
        # Closures over locals: this runs a dozen times a key.
        texts: list[str] = []
        fields, take = self.fields, self.fields.pop
        add_object, add_prefix = self.objects.append, self.prefixes.append
        clear, join = texts.clear, "".join

        def begin(name: str, attributes: object) -> None:
            clear()

        def end(name: str) -> None:
            if name == "Contents":
                key = take("Key", "")
                if key:
                    row = (
                        key,
                        take("LastModified", ""),
                        take("ETag", ""),
                        take("Size", ""),
                        take("StorageClass", ""),
                    )
                    add_object(row)
            elif name == "CommonPrefixes":
                add_prefix(take("Prefix", ""))
            else:
                fields[name] = join(texts)
            clear()

        self._parser, self._clear = parser, begin
        parser.CharacterDataHandler = texts.append
        parser.EndElementHandler = end


def _refuse_doctype(*_: object) -> None:
    """Nothing of S3's has one; entities that grow without end begin there."""
    raise NotAListing("it is a page or a document of another kind")
