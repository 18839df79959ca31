"""From flags, environment and settings to what the engine is started with."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine import (
    ConflictPolicy,
    EngineConfig,
    LocalRef,
    ObjectRef,
    Place,
    Profile,
    TransferOptions,
    UsageError,
    find_profiles,
    prepare_state_dir,
    resolve_profile,
)
from tui import consent
from tui import settings as settings_file
from tui.log import set_up
from tui.pace_file import Pace
from tui.schedule import Schedule
from tui.settings import OwnEndpoint, Settings

if TYPE_CHECKING:
    from engine import Connections

SCHEME = "s3://"
WAIT_FOR = 900.0
DEFAULT_PROFILE = "default"
_ENVIRONMENT_DECIDES = ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")
"""Whoever sets one of these has chosen; a profile of the settings comes after."""


@dataclass(frozen=True, slots=True)
class Setup:
    """All that a command needs."""

    args: argparse.Namespace
    settings: Settings
    profile: Profile
    """The one to use unless the user chooses another."""
    profiles: tuple[Profile, ...]
    """All that are at hand, that one first."""
    state_dir: str
    is_passing: bool = False
    """Everything, the queue too, is removed when the program is left: a demo."""

    @classmethod
    def of(
        cls,
        args: argparse.Namespace,
        environ: Mapping[str, str] = os.environ,
        settings: Settings | None = None,
    ) -> Setup:
        """Read and combine everything; the settings unless they are at hand.

        Raises:
            UsageError: Something in it makes no sense.
        """
        settings = settings or settings_file.load(environ)
        asked = args.profile
        if asked is None and not any(environ.get(name) for name in _ENVIRONMENT_DECIDES):
            asked = settings.profile
        flags: dict[str, Any] = {
            "endpoint_url": args.endpoint_url,
            "region": args.region,
            "unsigned": args.no_sign_request,
            "read_only": args.read_only or settings.read_only,
        }
        endpoints = {endpoint.name: endpoint for endpoint in settings.endpoints}
        if asked in endpoints:
            profile = own_profile(endpoints[asked], environ, **flags)
        else:
            profile = resolve_profile(environ, name=asked, **flags)
        own = [own_profile(endpoint, environ) for endpoint in settings.endpoints]
        profiles = {profile.connection_id: profile}
        for other in (*own, *find_profiles(environ)):
            profiles.setdefault(other.connection_id, other)
        profiles = {id: allowed(each, args, settings, environ) for id, each in profiles.items()}
        profile = profiles[profile.connection_id]
        state_dir = settings_file.state_dir_of(args, settings, environ)
        return cls(args, settings, profile, tuple(profiles.values()), state_dir)

    def check_access(self, *places: Place) -> None:
        """Without a screen nobody can be asked.

        Raises:
            UsageError: What is meant is reached unencrypted, and nobody has accepted that.
        """
        if self.profile.is_exposed and any(isinstance(place, ObjectRef) for place in places):
            raise UsageError(
                f"{self.profile.endpoint_url} is not encrypted: whoever is on the way could read and change "
                "what passes. Use https://, or accept it with --allow-http"
            )

    def connections(self) -> Connections:
        """What reaches the endpoints."""
        from engine import Connections

        return Connections(self.profiles)

    @contextmanager
    def connections_open(self) -> Iterator[Connections]:
        """The same, closed afterwards."""
        connections = self.connections()
        try:
            yield connections
        finally:
            connections.close()

    def config(self) -> EngineConfig:
        """For the engine."""
        args, settings = self.args, self.settings
        upload, download = args.rate_limit or settings.rate_limit or (None, None)
        defaults = EngineConfig("")
        retries = settings.retries if args.retries is None else args.retries
        return EngineConfig(
            state_dir=self.state_dir,
            workers=args.workers or settings.workers or defaults.workers,
            upload_limit=upload,
            download_limit=download,
            attempts=defaults.attempts if retries is None else retries + 1,
        )

    @property
    def schedule(self) -> Schedule:
        """Rate limits by the hour, unless a flag says what the limit is."""
        return Schedule() if self.args.rate_limit else self.settings.limits

    @property
    def settings_pace(self) -> Pace:
        """Rate limits and workers by the settings alone."""
        upload, download = self.settings.rate_limit or (None, None)
        return Pace(upload, download, self.settings.workers or EngineConfig("").workers)

    def options(self, default: ConflictPolicy) -> TransferOptions:
        """How items are moved; `default` where neither flag nor settings say what to do on conflict."""
        args, settings = self.args, self.settings
        chosen = ConflictPolicy(args.on_conflict) if args.on_conflict else settings.on_conflict
        return TransferOptions(
            on_conflict=chosen or default,
            part_size=args.part_size or settings.part_size,
            move=getattr(args, "move", False),
            require_checksum=args.require_checksum or settings.require_checksum,
            temp_dir=os.path.abspath(args.temp_dir) if args.temp_dir else settings.temp_dir,
            storage_class=args.storage_class or settings.storage_class,
            sse=args.sse or settings.sse,
            request_payer=args.request_payer or settings.request_payer,
            include=settings.include if args.include is None else tuple(args.include),
            exclude=settings.exclude if args.exclude is None else tuple(args.exclude),
        )

    @property
    def wait_for(self) -> float:
        """Seconds that are waited while nothing can move."""
        given: float | None = self.args.wait_for
        if given is None:
            given = self.settings.wait_for
        return WAIT_FOR if given is None else given

    def start_log(self) -> None:
        """Log from here on.

        Raises:
            StateUnsafe: The log would lie in a state folder into which nothing may be written.
        """
        if os.path.dirname(self.log_file) == self.state_dir:
            prepare_state_dir(self.state_dir)
        set_up(self.log_file)

    @property
    def log_file(self) -> str:
        """Where to log."""
        given = self.args.log_file or self.settings.log_file
        return os.path.abspath(given or os.path.join(self.state_dir, "s3tui.log"))


def allowed(
    profile: Profile, args: argparse.Namespace, settings: Settings, environ: Mapping[str, str]
) -> Profile:
    """The profile with what flags and settings say of all: read-only, requester pays, ``http://`` accepted.

    The flag for ``http://`` is for the endpoint that is meant on the command line; the screen's answers are for theirs.
    """
    return replace(
        profile,
        read_only=profile.read_only or args.read_only or settings.read_only,
        request_payer=profile.request_payer or args.request_payer or settings.request_payer,
        allow_http=profile.allow_http
        or args.allow_http
        or (profile.is_exposed and consent.origin_of(profile) in consent.load(environ)),
    )


def own_profile(endpoint: OwnEndpoint, environ: Mapping[str, str], **flags: Any) -> Profile:
    """How an endpoint of the settings is reached.

    Args:
        flags: Of `resolve_profile`, from the command line.

    Raises:
        UsageError: Its URL makes no sense.
    """
    profile = endpoint.profile
    if not endpoint.names_credentials:
        # Nobody named credentials: those of the AWS profile of the same name, else the default ones.
        known = {found.name for found in find_profiles(environ)}
        if profile.name not in known:
            profile = replace(profile, name=DEFAULT_PROFILE)
    try:
        return resolve_profile(environ, name=profile.name, extra=(profile,), **flags)
    except UsageError as error:
        raise UsageError(f"[endpoints.{endpoint.name}]: {error}") from error


def place_of(text: str) -> Place:
    """A path or an ``s3://`` address, as typed on the command line.

    Raises:
        UsageError: It is neither.
    """
    if text == "-":
        raise UsageError("'-' (standard input and output) cannot be copied: it could not be resumed")
    if text.lower().startswith(SCHEME):
        bucket, _, key = text[len(SCHEME) :].partition("/")
        if not bucket:
            raise UsageError(f"{text!r} names no bucket")
        return ObjectRef(bucket, key)
    if not text:
        raise UsageError("an empty path names nothing")
    path = os.path.normpath(os.path.join(os.getcwd(), text))
    means_folder = text.endswith(("/", "/.", "/..")) or text in (".", "..")
    return LocalRef(path.rstrip("/") + "/" if means_folder else path)
