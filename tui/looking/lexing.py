"""Which parts of a text are comments, strings, keywords: a letter for each character. Pygments says it, apart.

The lexer is chosen by name and type only. It may be wrong: then the colours are, and the text is what it is.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tui.looking.apart import Apart, answer, given

if TYPE_CHECKING:
    from pygments.lexer import Lexer

PLAIN = " "
ROLES = {
    "k": "keyword",
    "n": "number",
    "s": "string",
    "f": "name",
    "c": "comment",
    "+": "good",
    "-": "bad",
    PLAIN: "",
}
"""What the letters mean, as names of styles."""
MOST_CHARACTERS = 128 * 1024
"""Of a text; the rest of it stays plain."""
MOST_IN_LINE = 1000
"""Of a line: data in one line is no code, and lexers take long for it."""
_ENOUGH = 2.0
"""Seconds after which what is not done stays plain."""
_NO_COLOURS = ("text/plain", "application/octet-stream", "binary/octet-stream")
_SHEBANG = re.compile(r"#!.*\b(bash|sh|zsh|ksh|python|perl|ruby|node|php|lua|awk)[\d.]*\b")


def lexing(name: str, content_type: str, lines: Sequence[str]) -> Apart:
    """The work of finding the roles of these lines.

    Args:
        name: The file's; ``.gz`` at its end does not count.
    """
    text = _fed(lines).encode("utf-8", "surrogatepass")
    kind = content_type.partition(";")[0].strip().lower()
    return Apart(__name__, {"name": name.removesuffix(".gz"), "kind": kind}, text)


def roles_of(answered: bytes, lines: Sequence[str]) -> list[str] | None:
    """For each line a letter for each of its characters; ``None`` where nothing was found, or nothing of use."""
    letters = answered.decode("ascii", "replace")
    if len(letters) != len(_fed(lines)) or not set(letters) <= set(ROLES) or not letters.strip():
        return None
    found, at = [], 0
    for line in lines:
        used = min(len(line), MOST_IN_LINE)
        found.append(letters[at : at + used].ljust(len(line), PLAIN))
        at += used + 1
    return found


def _fed(lines: Sequence[str]) -> str:
    """What the lexer gets: a letter of its answer is found by its place in this."""
    return "".join(f"{line[:MOST_IN_LINE]}\n" for line in lines)[:MOST_CHARACTERS]


def main() -> None:
    """In the child."""
    answer(made(*given()))


def made(asked: Mapping[str, object], data: bytes) -> bytes:
    """As many letters as the text has characters; none where nobody knows what it is."""
    text = data.decode("utf-8", "surrogatepass")
    lexer = _lexer(str(asked["name"]), str(asked["kind"]), text)
    return (_letters(lexer, text) if lexer is not None else "").encode("ascii")


def _lexer(name: str, kind: str, text: str) -> Lexer | None:
    from pygments.lexers import find_lexer_class_for_filename, get_lexer_by_name, get_lexer_for_mimetype
    from pygments.util import ClassNotFound

    found = find_lexer_class_for_filename(name.rpartition("/")[2])
    if found is not None:
        return found()
    try:
        if shebang := _SHEBANG.match(text):
            return get_lexer_by_name(shebang[1])
        return get_lexer_for_mimetype(kind) if kind and kind not in _NO_COLOURS else None
    except ClassNotFound:
        return None


def _letters(lexer: Lexer, text: str) -> str:
    until = time.monotonic() + _ENOUGH
    letters = [PLAIN] * len(text)
    known: dict[Any, str] = {}
    for at, kind, value in lexer.get_tokens_unprocessed(text):
        letter = known.get(kind)
        if letter is None:
            letter = known[kind] = _letter(kind)
        if letter != PLAIN:
            stop = min(at + len(value), len(text))
            letters[at:stop] = letter * (stop - at)
        if time.monotonic() > until:
            break
    return "".join(letters)


def _letter(kind: Any) -> str:
    from pygments import token

    kinds = (
        (token.Comment.Preproc, "k"),
        (token.Comment, "c"),
        (token.String, "s"),
        (token.Literal, "n"),
        (token.Keyword, "k"),
        (token.Operator.Word, "k"),
        (token.Name.Tag, "f"),
        (token.Name.Attribute, "f"),
        (token.Name.Function, "f"),
        (token.Name.Class, "f"),
        (token.Name.Decorator, "f"),
        (token.Name.Label, "f"),
        (token.Generic.Heading, "k"),
        (token.Generic.Subheading, "k"),
        (token.Generic.Inserted, "+"),
        (token.Generic.Deleted, "-"),
    )
    return next((letter for ancestor, letter in kinds if kind in ancestor), PLAIN)


if __name__ == "__main__":
    main()
