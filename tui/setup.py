"""From flags, environment and settings to what the engine is started with."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    resolve_profile,
)
from tui import settings as settings_file
from tui.settings import Settings

if TYPE_CHECKING:
    from engine import Connections

SCHEME = "s3://"


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

    @classmethod
    def of(cls, args: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> Setup:
        """Read and combine everything.

        Raises:
            UsageError: Something in it makes no sense.
        """
        settings = settings_file.load(environ)
        named = {**{p.name: p for p in settings.endpoints}}
        profile = resolve_profile(
            environ,
            name=args.profile or (None if environ.get("AWS_PROFILE") else settings.profile),
            endpoint_url=args.endpoint_url,
            region=args.region,
            unsigned=args.no_sign_request,
            read_only=args.read_only,
            extra=tuple(named.values()),
        )
        others = find_profiles(environ, extra=settings.endpoints)
        profiles = {profile.connection_id: profile}
        for other in (*others, *settings.endpoints):
            profiles.setdefault(other.connection_id, other)
        state_dir = args.state_dir or environ.get("S3TUI_STATE_DIR") or settings.state_dir
        return cls(
            args,
            settings,
            profile,
            tuple(profiles.values()),
            os.path.abspath(state_dir or settings_file.default_state_dir(environ)),
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
        return EngineConfig(
            state_dir=self.state_dir,
            workers=args.workers or settings.workers or defaults.workers,
            upload_limit=upload,
            download_limit=download,
            attempts=defaults.attempts if args.retries is None else args.retries + 1,
        )

    def options(self, default: ConflictPolicy) -> TransferOptions:
        """How items are moved."""
        args, settings = self.args, self.settings
        chosen = ConflictPolicy(args.on_conflict) if args.on_conflict else default
        temp_dir = os.path.abspath(args.temp_dir) if args.temp_dir else None
        return TransferOptions(
            on_conflict=chosen,
            part_size=args.part_size or settings.part_size,
            move=getattr(args, "move", False),
            require_checksum=args.require_checksum,
            temp_dir=temp_dir,
            storage_class=args.storage_class,
            sse=args.sse,
            request_payer=args.request_payer,
            include=tuple(args.include),
            exclude=tuple(args.exclude),
        )

    @property
    def log_file(self) -> str:
        """Where to log."""
        return os.path.abspath(self.args.log_file or os.path.join(self.state_dir, "s3tui.log"))


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
    path = os.path.normpath(os.path.join(os.getcwd(), os.path.expanduser(text)))
    means_folder = text.endswith(("/", "/.", "/..")) or text in (".", "..")
    return LocalRef(path.rstrip("/") + "/" if means_folder else path)
