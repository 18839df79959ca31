"""Profiles and endpoints: choosing one for a pane, and keeping those of the settings file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from functools import partial

from textual import work

from engine import (
    ConnectionId,
    ConnectionTest,
    Location,
    ObjectRef,
    Profile,
    UsageError,
    has_credentials_hint,
)
from tui import format, places
from tui.configuration import Configuration
from tui.off_the_loop import off_the_loop
from tui.safe_text import display
from tui.screens.base import ASK, MainBase
from tui.screens.confirm import ConfirmScreen
from tui.screens.form import Field, FormScreen, Values
from tui.screens.profiles import Entry, ProfilesScreen, Wish
from tui.toml_edit import Value

_POLL = 0.05
_FIELDS = (
    ("name", "Name", "minio"),
    ("url", "URL", "https://minio.lan:9000"),
    ("region", "Region", "us-east-1 for most"),
    ("addressing", "Addressing", "auto, path or virtual"),
    ("ca_file", "CA file", "a PEM file, for an own CA"),
    ("profile", "Keys of", "an AWS profile, or default"),
    ("read_only", "Read-only", "yes: writes nothing there"),
    ("unsigned", "Unsigned", "yes: requests without keys"),
    ("allow_http", "http accepted", "yes: not encrypted is fine"),
)
_FLAGS = ("read_only", "unsigned", "allow_http")


class ProfileActions(MainBase):
    """Part of the main screen."""

    _retired: frozenset[ConnectionId] = frozenset()
    """Connections of endpoints that are gone or have become others."""

    @work(group=ASK)
    async def action_pane_profile(self) -> None:
        """Choose a profile, whose buckets are shown; or add, change, take out and test endpoints."""
        pane = self.pane
        while True:
            listed, flaws = await off_the_loop(self._look)
            for flaw in flaws:
                self.tell(display(flaw), bad=True)
            wish = await self.app.push_screen_wait(
                ProfilesScreen(listed, test=self._test, file=self._file_to_write())
            )
            match wish:
                case Wish("show", Entry() as entry):
                    pane.go(Location(ObjectRef(""), entry.profile.connection_id))
                    return
                case Wish("local"):
                    pane.go(places.parse("~", None, None))
                    return
                case Wish("add" | "edit"):
                    await self._fill_in(wish.entry)
                case Wish("remove", Entry() as entry):
                    await self._remove(entry)
                case _:
                    return

    def _file_to_write(self) -> str:
        return "" if self.configuration is None else os.path.basename(self.configuration.path)

    def _look(self) -> tuple[dict[Entry, str], list[str]]:
        """What there is, endpoints of one's own first, each with where its keys are; and what is wrong with any.

        Reads the files of the AWS tools, which may be on a slow disk.
        """
        own: dict[ConnectionId, Entry] = {}
        flaws = []
        for endpoint in self.configuration.endpoints if self.configuration is not None else ():
            assert self.configuration is not None
            try:
                profile = self.configuration.profile_of(endpoint)
            except UsageError as error:
                flaws.append(str(error))
            else:
                own[profile.connection_id] = Entry(profile, endpoint.name)
        hidden = own.keys() | self._retired
        theirs = (Entry(each) for each in self.manager.profiles() if each.connection_id not in hidden)
        return {entry: keys_of(entry) for entry in (*own.values(), *theirs)}, flaws

    # -- endpoints ---------------------------------------------------------------------------------

    async def _fill_in(self, entry: Entry | None) -> None:
        configuration = self.configuration
        assert configuration is not None
        was = entry.own if entry is not None else None
        values = configuration.endpoint_values(was) if was is not None else {}
        fields = [Field(key, label, _shown(key, was, values), hint) for key, label, hint in _FIELDS]

        async def save(filled: Values) -> str:
            return await self._save(configuration, entry, filled)

        async def test(filled: Values) -> str:
            try:
                profile = await off_the_loop(partial(_profile, configuration, filled))
            except UsageError as error:
                return str(error)
            return await self._test(profile)

        title = f"Endpoint {was}" if was is not None else "A new endpoint"
        await self.app.push_screen_wait(FormScreen(title, fields, save=save, test=test))

    async def _save(self, configuration: Configuration, entry: Entry | None, filled: Values) -> str:
        def write() -> Profile:
            profile = _profile(configuration, filled)
            was = entry.own if entry is not None else None
            configuration.put_endpoint(filled["name"], _written(filled), was=was)
            return profile

        try:
            profile = await off_the_loop(write)
        except UsageError as error:
            return str(error)
        self.manager.add_profile(profile)
        gone = {entry.profile.connection_id} if entry is not None else set()
        self._retired = (self._retired | gone) - {profile.connection_id}
        self.tell(display(f"Endpoint {filled['name']} is in {self._file_to_write()}"))
        return ""

    async def _remove(self, entry: Entry) -> None:
        configuration, name = self.configuration, entry.own
        assert configuration is not None and name is not None
        lines = [
            entry.profile.endpoint_url or "",
            f"It is taken out of {self._file_to_write()}. Nothing on the server changes; no keys are touched.",
        ]
        question = ConfirmScreen(f"Take out the endpoint {name}?", lines, confirm_label="Take it out")
        if not await self.app.push_screen_wait(question):
            return
        try:
            await off_the_loop(partial(configuration.remove_endpoint, name))
        except UsageError as error:
            self.tell(display(str(error)), bad=True)
        else:
            self._retired |= {entry.profile.connection_id}

    # -- asking the server -------------------------------------------------------------------------

    async def _test(self, profile: Profile) -> str:
        """One question to the server, and its answer in words."""
        connection = profile.connection_id
        before = next((each for each in self.manager.profiles() if each.connection_id == connection), None)
        if before != profile:
            self.manager.add_profile(profile)
        browser = self.manager.browser
        token = browser.test_connection(connection)
        try:
            while not (answer := browser.answer(token)).done:
                await asyncio.sleep(_POLL)
        finally:
            browser.cancel(token)
            if before is None:
                self._retired |= {connection}
            elif before != profile:
                self.manager.add_profile(before)
        if answer.problem is not None:
            return f"It does not work: {answer.problem.why}. {answer.problem.what_now}"
        assert isinstance(answer.value, ConnectionTest)
        return answered(answer.value)


def answered(test: ConnectionTest) -> str:
    """What a test that worked has shown.

    >>> answered(ConnectionTest(0.084, 3))
    'It works: an answer in 84 ms, 3 buckets.'
    """
    found = (
        "its buckets may not be listed, which need not matter (go to s3://BUCKET directly)"
        if test.buckets is None
        else format.counted(test.buckets, "bucket")
    )
    clock = ""
    if test.clock_offset is not None and abs(test.clock_offset) >= 60:
        side = "ahead of" if test.clock_offset > 0 else "behind"
        clock = f" Its clock is {format.duration(abs(test.clock_offset))} {side} ours."
    return f"It works: an answer in {round(test.seconds * 1000):,} ms, {found}.{clock}"


def keys_of(entry: Entry, environ: Mapping[str, str] = os.environ) -> str:
    """Where the keys of an entry are kept; never here."""
    profile = entry.profile
    if profile.unsigned:
        return "No keys are used: requests are not signed"
    file = environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"
    if environ.get("AWS_ACCESS_KEY_ID"):
        where = "AWS_ACCESS_KEY_ID of the environment"
    else:
        where = f"the AWS profile {profile.name} ({places.home(file, environ)}, or where its config leads)"
    missing = "" if has_credentials_hint(profile, environ) else ". None were found: aws configure makes some"
    return f"Keys: {where}; s3tui keeps none{missing}"


def _shown(key: str, name: str | None, values: Mapping[str, object]) -> str:
    """A value of the file as it is filled in."""
    value = name if key == "name" else values.get(key)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _written(filled: Values) -> dict[str, Value | None]:
    """What is filled in, as the file has it; what is empty or as without being set is left out.

    Raises:
        UsageError: A yes or no is neither.
    """
    written: dict[str, Value | None] = {}
    for key, text in filled.items():
        if key in _FLAGS:
            if text.lower() not in ("", "y", "yes", "true", "n", "no", "false"):
                label = next(label for each, label, _ in _FIELDS if each == key)
                raise UsageError(f"{label}: yes or no, not {text}")
            written[key] = True if text.lower() in ("y", "yes", "true") else None
        elif key != "name":
            written[key] = None if not text or (key, text) == ("addressing", "auto") else text
    return written


def _profile(configuration: Configuration, filled: Values) -> Profile:
    """How the endpoint would be reached.

    Raises:
        UsageError: Something of it makes no sense.
    """
    if not filled["name"]:
        raise UsageError("It needs a name, by which it is chosen: --profile NAME")
    if not filled["url"]:
        raise UsageError("It needs a URL: https://HOST:PORT")
    written = _written(filled)
    profile = configuration.profile_for(filled["name"], written)
    if profile.ca_file and written.get("ca_file") and not os.path.isfile(profile.ca_file):
        raise UsageError(f"There is no CA file {profile.ca_file}")
    return profile
