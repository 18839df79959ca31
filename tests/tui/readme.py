"""The README's key table, made from the one table of keys.

python -m tests.tui.readme
"""

from __future__ import annotations

from pathlib import Path

from tui.keys import markdown_table

README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN = "<!-- keys: begin (python -m tests.tui.readme) -->\n"
END = "<!-- keys: end -->\n"


def with_table(text: str) -> str:
    """The README with the table as it should be."""
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    return text[:start] + markdown_table().strip() + "\n" + text[end:]


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
