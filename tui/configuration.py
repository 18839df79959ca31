"""What is set, where each value comes from, and changing the settings file while the screen is open.

Only names and words are written: credentials stay where AWS tools keep them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine import Profile, UsageError
from tui import settings as settings_file
from tui import themes
from tui.private_file import write_private
from tui.setting_list import FLAG_WORDS, SETTINGS, Setting, in_words
from tui.settings import OwnEndpoint
from tui.setup import Setup, allowed, own_profile
from tui.toml_edit import CannotEdit, Value, with_value, without_table

ENDPOINTS = "endpoints"


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting as it is now."""

    setting: Setting
    value: str
    """In words, raw."""
    origin: str
    """``flag --workers``, ``environment NO_COLOR``, ``config.toml`` or ``default``."""
    in_file: str | None
    """What the file says, also where something else goes before it."""


class Configuration:
    """The settings of one run.

    Made and read by the screen's thread. What changes the file (`change`, `put_endpoint`, `remove_endpoint`) may wait
    for a disk and runs on one other thread at a time; it puts new values in `setup` and `_raw` at its end, whole.
    """

    def __init__(self, setup: Setup, environ: Mapping[str, str] = os.environ) -> None:
        self.setup = setup
        self._environ = environ
        self.path = setup.settings.path
        """The settings file, which need not exist."""
        self._raw = settings_file.parse(settings_file.text_of(self.path), self.path)

    # -- settings ----------------------------------------------------------------------------------

    def shown(self) -> tuple[Shown, ...]:
        """Every setting, its value and where that comes from."""
        return tuple(self._shown(setting) for setting in SETTINGS)

    def _shown(self, setting: Setting) -> Shown:
        raw = self._raw.get(setting.name)
        in_file = None if raw is None else in_words(raw)
        given = getattr(self.setup.args, setting.name, None) if setting.has_flag else None
        if given is not None and given is not False:
            words = FLAG_WORDS.get(setting.name, in_words)
            return Shown(setting, words(given), f"flag {setting.flag}", in_file)
        for variable in setting.environment:
            if self._environ.get(variable):
                value = themes.NO_COLOUR if variable == "NO_COLOR" else self._environ[variable]
                return Shown(setting, value, f"environment {variable}", in_file)
        if in_file is not None:
            return Shown(setting, in_file, os.path.basename(self.path), in_file)
        return Shown(setting, setting.default, "default", None)

    def change(self, name: str, value: Value | None) -> None:
        """Write one setting to the file, or (``None``) take it out.

        Raises:
            UsageError: It makes no sense, or the file cannot be changed; it is as it was.
        """
        self._rewrite(lambda text: with_value(text, (), name, value))

    def theme(self) -> str:
        """The theme to wear.

        Raises:
            UsageError: There is none of that name.
        """
        flag = getattr(self.setup.args, "theme", None)
        wanted = flag or self._environ.get("TEXTUAL_THEME") or self.setup.settings.theme
        return themes.chosen(wanted, self._environ)

    # -- endpoints ---------------------------------------------------------------------------------

    @property
    def endpoints(self) -> tuple[OwnEndpoint, ...]:
        """Those of the file."""
        return self.setup.settings.endpoints

    def endpoint_values(self, name: str) -> Mapping[str, Any]:
        """What the file says of an endpoint; empty where there is none of that name."""
        found: Mapping[str, Any] = self._raw.get(ENDPOINTS, {}).get(name, {})
        return found

    def profile_for(self, name: str, values: Mapping[str, Value | None]) -> Profile:
        """How an endpoint would be reached, before it is written down.

        Raises:
            UsageError: Something of it makes no sense.
        """
        given = {key: value for key, value in values.items() if value is not None}
        settings = settings_file.read({ENDPOINTS: {name: given}}, os.path.basename(self.path))
        return self._reached(settings.endpoints[0])

    def profile_of(self, endpoint: OwnEndpoint) -> Profile:
        """How an endpoint of the file is reached.

        Raises:
            UsageError: Its URL makes no sense.
        """
        return self._reached(endpoint)

    def _reached(self, endpoint: OwnEndpoint) -> Profile:
        profile = own_profile(endpoint, self._environ)
        return allowed(profile, self.setup.args, self.setup.settings, self._environ)

    def put_endpoint(self, name: str, values: Mapping[str, Value | None], *, was: str | None = None) -> None:
        """Write an endpoint to the file.

        Args:
            values: Settings of an endpoint; ``None`` takes one out.
            was: The name it had.

        Raises:
            UsageError: It makes no sense, or the file cannot be changed; it is as it was.
        """
        self.profile_for(name, {**self.endpoint_values(was or name), **values})
        if was != name and self.endpoint_values(name):
            raise UsageError(f"there is an endpoint {name} already")
        kept = self.endpoint_values(was) if was is not None and was != name else {}

        def edit(text: str) -> str:
            for key, value in {**kept, **values}.items():
                text = with_value(text, (ENDPOINTS, name), key, value)
            return without_table(text, (ENDPOINTS, was)) if was is not None and was != name else text

        self._rewrite(edit)

    def remove_endpoint(self, name: str) -> None:
        """Take an endpoint out of the file.

        Raises:
            UsageError: The file cannot be changed; it is as it was.
        """
        self._rewrite(lambda text: without_table(text, (ENDPOINTS, name)))

    # -- the file ----------------------------------------------------------------------------------

    def _rewrite(self, edit: Callable[[str], str]) -> None:
        text = settings_file.text_of(self.path)
        try:
            changed = edit(text)
            data = changed.encode("utf-8")
        except CannotEdit as error:
            raise UsageError(f"{self.path}: {error}") from error
        except UnicodeEncodeError as error:
            raise UsageError("it has characters that cannot be written") from error
        raw = settings_file.parse(changed, self.path)
        settings = settings_file.read(raw, self.path)
        if changed != text:
            # A link, as those who keep such files elsewhere have it, stays one.
            path = os.path.realpath(self.path)
            try:
                write_private(path, data, mode=_mode(path))
            except OSError as error:
                raise UsageError(f"{self.path} cannot be written: {error.strerror}") from error
        self._raw, self.setup = raw, replace(self.setup, settings=settings)


def _mode(path: str) -> int:
    """Whoever may read the file may do so after the change, and nobody else."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        return 0o600
