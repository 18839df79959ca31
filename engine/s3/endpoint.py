"""What is known at run time of one endpoint: where it is, who we are there, what it can do, what time it has."""

from __future__ import annotations

import email.utils
import os
import re
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from engine.errors import Condition, Permanent
from engine.s3.profiles import Profile
from engine.s3.wire.pool import Origin
from engine.s3.wire.sign import Credentials, quote_key

if TYPE_CHECKING:
    from botocore.session import Session

CHECKSUM_MODES = ("full", "composite", "md5", "none")
"""How uploads are checked by the server, best first."""

DEFAULT_REGION = "us-east-1"
_SKEW_NOTICED = 2.0
"""Seconds; less is the way of the answer, and nobody minds."""
_DNS_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_RELOAD_SECONDS = 5.0
"""Within so short a time the credentials are not looked up twice."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a request for a bucket or object goes."""

    origin: Origin
    host: str
    """For the Host header."""
    path: str
    """Percent-encoded."""


class Endpoint:
    """One for each connection.

    Threads: `_lock` guards the session and the credentials while they are looked up (which may
    take seconds, never on the thread of a screen); the rest are single values, written by whoever
    learns them and read by anyone.
    """

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.id = profile.connection_id
        self.clock_offset: float | None = None
        """Seconds by which the server's clock is ahead of ours; ``None`` until it said something."""
        self.checksum_mode = ""
        """One of `CHECKSUM_MODES` once a request has shown that it works."""
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._source: Any = None
        """botocore's credentials object, which refreshes itself; ``False`` if there is none."""
        self._looked_up_at = 0.0
        self._region = profile.region
        self._base: tuple[Origin, str] | None = None

    # -- time --------------------------------------------------------------------------------------

    def observe_date(self, header: str) -> None:
        """Learn from a reply's Date header what time the server has."""
        try:
            then = email.utils.parsedate_to_datetime(header).timestamp()
        except (ValueError, TypeError, IndexError):
            return
        self.clock_offset = then - time.time()

    def now(self) -> datetime:
        """The time to sign with, in UTC."""
        offset = self.clock_offset or 0.0
        now = datetime.now(UTC)
        return now + timedelta(seconds=offset) if abs(offset) > _SKEW_NOTICED else now

    # -- checksums ---------------------------------------------------------------------------------

    def checksum_modes(self) -> tuple[str, ...]:
        """What to try, in this order."""
        start = CHECKSUM_MODES.index(self.checksum_mode) if self.checksum_mode in CHECKSUM_MODES else 0
        return CHECKSUM_MODES[start:]

    def learn_checksum_mode(self, mode: str) -> None:
        """This one works here."""
        self.checksum_mode = mode

    # -- who we are --------------------------------------------------------------------------------

    def session(self) -> Session:
        """botocore's session of this profile."""
        with self._lock:
            return self._session_locked()

    def _session_locked(self) -> Session:
        if self._session is None:
            import botocore.exceptions
            import botocore.session

            name = self.profile.name
            session = botocore.session.Session(profile=None if name in ("", "default") else name)
            # Instance credentials are the last of the chain: where there is no such service, that
            # must not cost more than a second.
            session.set_config_variable("metadata_service_timeout", 1)
            session.set_config_variable("metadata_service_num_attempts", 1)
            self._session = session
        return self._session

    def credentials(self) -> Credentials | None:
        """The credentials to sign with now, refreshed where they are temporary; ``None`` if unsigned.

        Raises:
            Permanent: ``no-credentials``.
            Condition: ``credentials``: they have run out, and getting new ones failed.
        """
        if self.profile.unsigned:
            return None
        source = self._source
        if source is None:
            with self._lock:
                source = self._source or self._look_up()
        if isinstance(source, Credentials):
            return source
        if source is False:
            raise Permanent("no-credentials", operation="sign requests for", subject=str(self.id))
        try:
            frozen = source.get_frozen_credentials()
        except Exception as error:
            # Any of a dozen of botocore's exceptions, which may quote what a helper program printed.
            detail = type(error).__name__
            raise Condition("credentials", ("endpoint", self.id), operation="renew", detail=detail) from None
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token or None)

    def _look_up(self) -> Any:
        self._looked_up_at = time.monotonic()
        access_key = os.environ.get("AWS_ACCESS_KEY_ID")
        secret_key = os.environ.get("AWS_SECRET_ACCESS_KEY")
        if self.profile.name == "default" and access_key and secret_key:
            # The first of the chain; found without loading botocore.
            self._source = Credentials(access_key, secret_key, os.environ.get("AWS_SESSION_TOKEN") or None)
            return self._source
        import botocore.exceptions

        try:
            found = self._session_locked().get_credentials()
        except botocore.exceptions.ProfileNotFound:
            found = None
        except botocore.exceptions.BotoCoreError as error:
            detail = type(error).__name__
            raise Condition("credentials", ("endpoint", self.id), operation="find", detail=detail) from None
        self._source = found or False
        return self._source

    @property
    def has_fixed_credentials(self) -> bool:
        """They came from the environment; botocore need not look for them."""
        return isinstance(self._source, Credentials)

    def reload_credentials(self) -> None:
        """Look the whole chain up again: the old ones have expired."""
        with self._lock:
            if time.monotonic() - self._looked_up_at > _RELOAD_SECONDS:
                self._session = self._source = None

    # -- where it is -------------------------------------------------------------------------------

    @property
    def region(self) -> str:
        """To sign for."""
        if self._region is None:
            found = None
            if self.profile.endpoint_url is None:
                found = self.session().get_config_variable("region")
            self._region = str(found or os.environ.get("AWS_REGION") or DEFAULT_REGION)
        return self._region

    def address(self, bucket: str, key: str = "") -> Address:
        """Where a request goes.

        Raises:
            Permanent: ``bad-request``: the endpoint's URL makes no sense.
        """
        origin, path = self._base or self._find_base()
        if bucket and self._is_virtual(bucket, origin):
            at = Origin(origin.scheme, f"{bucket}.{origin.host}", origin.port)
            return Address(at, at.netloc, f"{path}/{quote_key(key)}")
        tail = f"/{quote_key(bucket)}" if bucket else ""
        if key or bucket:
            tail += f"/{quote_key(key)}" if key else ""
        return Address(origin, origin.netloc, (path + tail) or "/")

    def _is_virtual(self, bucket: str, origin: Origin) -> bool:
        style = self.profile.addressing
        if style == "path" or not _DNS_NAME.fullmatch(bucket):
            return False
        if style == "virtual":
            return True
        return self.profile.endpoint_url is None

    def _find_base(self) -> tuple[Origin, str]:
        url = self.profile.endpoint_url
        if url is None:
            url = self._aws_url()
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
            raise Permanent("bad-request", operation="reach", subject=url, detail="that is no endpoint URL")
        origin = Origin(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80))
        self._base = origin, parts.path.rstrip("/")
        return self._base

    def _aws_url(self) -> str:
        """As botocore resolves it: partitions, dual stack and FIPS are its knowledge."""
        client = self.session().create_client("s3", region_name=self.region, endpoint_url=None)
        return str(client.meta.endpoint_url)

    def proxies(self) -> dict[str, str]:
        """Proxy URL by scheme, as the environment has them; none for hosts that ``NO_PROXY`` names."""
        origin, _ = self._base or self._find_base()
        proxies = {
            scheme: url for scheme, url in getproxies_environment().items() if scheme in ("http", "https")
        }
        if proxy_bypass(f"{origin.host}:{origin.port}"):
            return {}
        return {scheme: url if "://" in url else f"http://{url}" for scheme, url in proxies.items()}

    def ca_file(self) -> str | None:
        """Against what certificates are checked; ``None`` for the system's authorities."""
        return self.profile.ca_file or os.environ.get("AWS_CA_BUNDLE") or None
