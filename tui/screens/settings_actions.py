"""Changing settings while the program runs: shown, checked, written to the file, and followed where that can be."""

from __future__ import annotations

import os
from functools import partial

from textual import work

from engine import ConflictPolicy, UsageError
from tui import settings as settings_file
from tui import themes
from tui.configuration import Configuration, Shown
from tui.off_the_loop import off_the_loop
from tui.places import home
from tui.safe_text import display
from tui.screens.base import ASK, MainBase
from tui.screens.chooser import ChooserScreen
from tui.screens.prompt import PromptScreen
from tui.screens.settings import SettingsScreen
from tui.setting_list import Setting
from tui.toml_edit import Value

_OPTIONS = frozenset(
    (
        "on_conflict",
        "part_size",
        "include",
        "exclude",
        "require_checksum",
        "temp_dir",
        "storage_class",
        "sse",
        "request_payer",
    )
)
"""Settings of what is asked for from now on."""


class SettingsActions(MainBase):
    """Part of the main screen."""

    @work(group=ASK)
    async def action_settings(self) -> None:
        """Show them all, and change one after the other."""
        if self.configuration is None:
            self.tell("There is no settings file in this session")
            return
        at = ""
        while True:
            shown, where = self.configuration.shown(), home(self.configuration.path)
            answer = await self.app.push_screen_wait(SettingsScreen(shown, where, at))
            if answer is None:
                return
            at, is_change = answer
            row = next(row for row in shown if row.setting.name == at)
            if is_change:
                await self._ask_for(self.configuration, row)
            else:
                await self._write(self.configuration, row.setting, None)

    @work(group=ASK)
    async def action_theme(self) -> None:
        """Choose other colours."""
        if self.configuration is not None:
            row = next(row for row in self.configuration.shown() if row.setting.name == "theme")
            await self._ask_for(self.configuration, row)
            return
        theme = await self._choose("Theme", tuple(themes.names()), self.app.theme)
        if theme is not None:
            self.app.theme = theme

    async def _ask_for(self, configuration: Configuration, row: Shown) -> None:
        setting = row.setting
        choices = tuple(themes.names()) if setting.name == "theme" else setting.choices
        if choices:
            typed = await self._choose(setting.name, choices, row.value)
        else:
            typed = await self.app.push_screen_wait(
                PromptScreen(
                    f"{setting.name}: {setting.about}",
                    value=row.in_file or "",
                    placeholder=f"empty: {setting.default}",
                    check=partial(_flaw, setting),
                )
            )
        if typed is not None:
            await self._write(configuration, setting, setting.from_text(typed) if typed.strip() else None)

    async def _choose(self, title: str, choices: tuple[str, ...], now: str) -> str | None:
        options = [(choice, f"{choice}  (now)" if choice == now else choice) for choice in choices]
        return await self.app.push_screen_wait(ChooserScreen(title, options))

    async def _write(self, configuration: Configuration, setting: Setting, value: Value | None) -> None:
        try:
            await off_the_loop(partial(configuration.change, setting.name, value))
        except UsageError as error:
            self.tell(display(str(error)), bad=True)
            return
        self._follow(configuration, setting.name)
        now = next(row for row in configuration.shown() if row.setting.name == setting.name)
        file = os.path.basename(configuration.path)
        if now.origin not in (file, "default"):
            self.tell(display(f"{file} is changed; {now.origin} still goes before it"))
        elif not setting.at_once:
            self.tell(f"{setting.name} counts from the next start of s3tui")

    def _follow(self, configuration: Configuration, name: str) -> None:
        """Do from now on what the settings say."""
        setup = configuration.setup
        if name == "theme":
            self.app.theme = configuration.theme()
        elif name == "workers":
            self.manager.set_workers(setup.config().workers)
        elif name == "rate_limit":
            limits = setup.config()
            self.manager.set_limits(limits.upload_limit, limits.download_limit)
        elif name in _OPTIONS:
            self.options = setup.options(ConflictPolicy.ASK)
        self.tick()


def _flaw(setting: Setting, text: str) -> str:
    """What is wrong with what was typed, or nothing."""
    if not text.strip():
        return ""
    try:
        settings_file.check(setting.name, setting.from_text(text.strip()))
    except ValueError as error:
        return str(error)
    return ""
