"""What is known at run time of one endpoint: where it is, who we are there, what it can do, what time it has."""

from __future__ import annotations

import os
import re
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from engine.errors import Permanent
from engine.s3.credentials import CredentialSource
from engine.s3.facts import http_time
from engine.s3.profiles import Profile
from engine.s3.wire.origin import Origin
from engine.s3.wire.sign import Credentials, quote_key, quote_name

if TYPE_CHECKING:
    from botocore.session import Session

CHECKSUM_MODES = ("full", "composite", "md5", "none")
"""How uploads are checked by the server, best first."""

DEFAULT_REGION = "us-east-1"
_SKEW_NOTICED = 2.0
"""Seconds; less is the way of the answer, and nobody minds."""
_DNS_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


class Address(NamedTuple):
    """Where a request for a bucket or object goes."""

    origin: Origin
    host: str
    """For the Host header."""
    path: str
    """Percent-encoded."""


class Endpoint:
    """One for each connection.

    Threads: single values, written by whoever learns them and read by anyone; what takes time
    (credentials, the URL of AWS) is looked up by one thread at a time.
    """

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.id = profile.connection_id
        self.clock_offset: float | None = None
        """Seconds by which the server's clock is ahead of ours; ``None`` until it said something."""
        self.checksum_mode = ""
        """One of `CHECKSUM_MODES` once a request has shown that it works."""
        self.knows_conditions: bool | None = None
        """It takes If-Match and If-None-Match with what is written; ``None`` until one was sent."""
        self.etags_are_md5: bool | None = None
        """Those of what is sent in one request; ``None`` until one was compared."""
        self.was_reached = False
        """It has answered in this process: a name that is not found any more is the network's fault."""
        self.has_answered = False
        """It has answered about an object as S3 does, in this process."""
        self._source = CredentialSource(profile)
        self._region = profile.region
        self._base: tuple[Origin, str] | None = None
        self._buckets: dict[str, Address] = {}
        """See `_address_of`; what two threads find at once is the same."""

    # -- time --------------------------------------------------------------------------------------

    def observe_date(self, header: str) -> None:
        """Learn from a reply's Date header what time the server has."""
        then = http_time(header)
        if then:
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

    def credentials(self) -> Credentials | None:
        """The credentials to sign with now, refreshed where they are temporary; ``None`` if unsigned.

        Raises:
            Permanent: ``no-credentials``.
            Condition: ``credentials``: they have run out, and getting new ones failed.
        """
        return None if self.profile.unsigned else self._source.get()

    def reload_credentials(self) -> None:
        """Look the whole chain up again, once for all threads: the old ones have expired."""
        self._source.reload()

    # -- where it is -------------------------------------------------------------------------------

    @property
    def region(self) -> str:
        """To sign for."""
        if self._region is None:
            found = None
            if self.profile.endpoint_url is None:
                found = self._source.use_session(_region_of)
            self._region = str(found or os.environ.get("AWS_REGION") or DEFAULT_REGION)
        return self._region

    def address(self, bucket: str, key: str = "") -> Address:
        """Where a request goes.

        Raises:
            Permanent: ``bad-request``: the endpoint's URL makes no sense; ``name-not-utf8``: the key.
        """
        try:
            above = self._buckets.get(bucket)
            if above is None:
                above = self._buckets[bucket] = self._address_of(bucket)
            if key:
                return Address(above.origin, above.host, f"{above.path}/{quote_key(key)}")
        except UnicodeEncodeError:
            raise Permanent("name-not-utf8", subject=f"{bucket}/{key}") from None
        return Address(
            above.origin, above.host, f"{above.path}/" if self._is_virtual(bucket) else above.path or "/"
        )

    def _address_of(self, bucket: str) -> Address:
        """Of a bucket, its path without a ``/`` at the end."""
        origin, path = self._base or self._find_base()
        if bucket and self._is_virtual(bucket):
            at = Origin(origin.scheme, f"{bucket}.{origin.host}", origin.port)
            return Address(at, at.netloc, path)
        return Address(origin, origin.netloc, f"{path}/{quote_name(bucket)}" if bucket else path)

    def _is_virtual(self, bucket: str) -> bool:
        style = self.profile.addressing
        # A name with dots has no certificate; one with capitals or underscores is no host name.
        if style == "path" or not _DNS_NAME.fullmatch(bucket):
            return False
        return style == "virtual" or self.profile.endpoint_url is None

    def _find_base(self) -> tuple[Origin, str]:
        url = self.profile.endpoint_url or self._aws_url()
        parts = urlsplit(url)
        try:
            host, port = parts.hostname or "", parts.port
            host = host if host.isascii() else host.encode("idna").decode("ascii")
        except ValueError:  # UnicodeError is one
            host, port = "", None
        if parts.scheme not in ("http", "https") or not host:
            raise Permanent("bad-request", operation="reach", subject=url, detail="that is no endpoint URL")
        origin = Origin(parts.scheme, host, port or (443 if parts.scheme == "https" else 80))
        self._base = origin, parts.path.rstrip("/")
        return self._base

    def _aws_url(self) -> str:
        """As botocore resolves it: partitions, dual stack and FIPS are its knowledge."""
        import botocore
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        # Unsigned: no credentials are needed to know where a region is.
        options: dict[str, Any] = {"ignore_configured_endpoint_urls": True}
        config = Config(signature_version=botocore.UNSIGNED, **options)
        try:
            client = self._source.use_session(
                lambda session: session.create_client("s3", region_name=self.region, config=config)
            )
        except (BotoCoreError, ValueError) as error:
            raise Permanent(
                "bad-request", operation="find the endpoint of", subject=self.region, detail=str(error)
            ) from error
        return str(client.meta.endpoint_url)

    def proxies(self) -> dict[str, str]:
        """Proxy URL by scheme, as the environment has them; none for hosts that ``NO_PROXY`` names."""
        names = {name.lower() for name, value in os.environ.items() if value}
        if sys.platform != "darwin" and not any(n.endswith("_proxy") and n != "no_proxy" for n in names):
            return {}  # Without loading what would find that out: with it comes a whole HTTP client.
        from urllib.request import getproxies, proxy_bypass

        origin, _ = self._base or self._find_base()
        if proxy_bypass(f"{origin.host}:{origin.port}") or proxy_bypass(origin.host):
            return {}
        return {
            scheme: url if "://" in url else f"http://{url}"
            for scheme, url in getproxies().items()
            if scheme in ("http", "https") and url
        }

    def ca_file(self) -> str | None:
        """Against what certificates are checked; ``None`` for the system's authorities."""
        return self.profile.ca_file or os.environ.get("AWS_CA_BUNDLE") or None


def _region_of(session: Session) -> object:
    from botocore.exceptions import BotoCoreError

    try:
        return session.get_config_variable("region")
    except BotoCoreError:  # there is no such profile in the files; its region is not needed either
        return None
