"""Whatever bytes come in from outside, only what is meant for it comes out.

``run_fuzz(seconds, seed)`` throws random and damaged input at everything that reads what others
wrote, evenly; `test_fuzz` does a little of it. Inputs are drawn from what is nearly right, since
noise is refused at the first byte.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.torture.fuzzing import journal, readers, texts

Case = Callable[[random.Random], None]
"""One try: raises AssertionError, or whatever it should not raise."""

TARGETS: dict[str, Case] = {
    "journal": journal.damaged_journal,
    "journal prefix": journal.cut_journal,
    "segments": journal.spliced_segments,
    "snapshot": journal.damaged_snapshot,
    "key to path": texts.key_to_path,
    "path to key": texts.path_to_key_and_back,
    "display": texts.shown_text,
    "listing": readers.listing,
    "error": readers.error_document,
    "head": readers.reply_head,
    "reply": readers.reply_stream,
    "settings": readers.settings_file,
    "aws files": readers.aws_file,
}


@dataclass(slots=True)
class FuzzResult:
    """How it went."""

    seed: int
    tries: dict[str, int] = field(default_factory=dict)
    """By target."""
    failures: list[str] = field(default_factory=list)
    """Target, seed of the try, and what was wrong. ``try_again(target, seed)`` does it once more."""

    @property
    def is_good(self) -> bool:
        return not self.failures


def try_again(target: str, seed: str) -> None:
    """One try, as it was."""
    TARGETS[target](random.Random(seed))


def run_fuzz(seconds: float, seed: int = 0, targets: tuple[str, ...] = tuple(TARGETS)) -> FuzzResult:
    """Each target gets its share of the time."""
    result = FuzzResult(seed)
    for target in targets:
        until = time.monotonic() + seconds / len(targets)
        result.tries[target] = 0
        while time.monotonic() < until:
            name = f"{seed}/{target}/{result.tries[target]}"
            result.tries[target] += 1
            try:
                try_again(target, name)
            except Exception as error:
                result.failures.append(f"{target}, seed {name!r}: {type(error).__name__}: {error}"[:500])
                if sum(text.startswith(f"{target},") for text in result.failures) >= 5:
                    break
    return result
