"""Names that have broken terminals and widgets, as standing fixtures."""

from __future__ import annotations

TERM = (
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1b]0;pwn\x07",
    "\x1b[2J\x1b[H",
    "\x1b[6n",
    "\x1bc",
    "\x1b]8;;http://evil\x07click\x1b]8;;\x07",
    "\x1bP+q544e\x1b\\",
    "\x1b_Gx\x1b\\",
    "\x1b]",
    "\x9b31m",
    "\x9d52;c;AA\x9c",
    "a\rb",
    "a\bb",
    "a\x7f",
    "\x00",
    "\u202egpj.exe",
    "\u2066x\u2069",
    "a\u200bb",
    "e" + "\u0301" * 500,
    "\u0301lead",
    "\udcff",
    "\u2028",
    "\t" * 50,
    "漢" * 300,
    "❤\ufe0f.txt",
)
"""What a terminal would act on, or measure differently than we do."""

MARKUP = (
    "[/",
    "[/]",
    "[bold]x",
    "[/b]",
    "[@click=app.quit()]x[/]",
    "[link=http://evil]y[/link]",
    "[$foo]",
    "[ x ]",
    "[]",
    "[[",
    "\\[x",
    "x\\",
    "[on #zz]",
    "[red",
    "[b + [x",
    "{0}",
    "%s",
    "$(id)",
    "`id`",
)
"""What a markup parser would act on, or crash on."""

LONG = ("x" * 1024, "é" * 512, "a b" * 300, "漢字" * 200 + ".tar.gz")

ALL = TERM + MARKUP + LONG
