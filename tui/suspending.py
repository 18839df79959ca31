"""Ctrl+Z, as of any program in a shell: back to the prompt, and on again with ``fg``."""

from __future__ import annotations

import os
from typing import Any

from textual.app import App

KEY = "ctrl+z"
"""Always this one: `tui.keymap` gives it to no action."""


class SuspendingApp(App[Any]):
    """Part of the app."""

    def action_to_the_shell(self) -> None:
        """Stop the whole process, transfers too, until the shell lets it go on; they are taken up where they were."""
        if has_shell():
            self.action_suspend_process()
        else:
            self.notify("No shell started this, so nobody could bring it back: q leaves", markup=False)


def has_shell() -> bool:
    """Whether a shell with job control waits for this process: it gives each job a process group of its own."""
    return os.getpgrp() != os.getsid(0)
