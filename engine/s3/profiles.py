"""Which credentials, which endpoint: what AWS tools know by a profile's name, and how we reach it.

Nothing here loads botocore, goes to the network, or holds a secret.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from engine.errors import UsageError
from engine.model import ConnectionId
from engine.s3.awsfiles import (
    AwsFiles,
    Section,
    config_path,
    credentials_path,
    nested_settings,
    read_files,
)

DEFAULT = "default"

_ADDRESSING = ("auto", "path", "virtual")


@dataclass(frozen=True, slots=True)
class Profile:
    """One way to reach S3. Holds no secret: botocore finds the credentials by the name."""

    name: str
    """As in the AWS configuration files; ``default`` also where only the environment has credentials."""
    endpoint_url: str | None = None
    """``None`` for AWS."""
    region: str | None = None
    addressing: str = "auto"
    """``auto``, ``path`` or ``virtual``."""
    ca_file: str | None = None
    read_only: bool = False
    """Nothing is ever written or deleted through it."""
    unsigned: bool = False
    """Requests are not signed (public buckets)."""
    request_payer: bool = False
    """Every request accepts that whoever asks pays for it."""
    allow_http: bool = False
    """The user accepts that what passes to and from an ``http://`` endpoint can be read on the way."""

    @property
    def connection_id(self) -> ConnectionId:
        """The same in every run; what the queue remembers of it."""
        if self.endpoint_url is None:
            return ConnectionId(f"{self.name}@aws")
        parts = urlsplit(self.endpoint_url)
        host = parts.netloc.rpartition("@")[2]
        return ConnectionId(f"{self.name}@{parts.scheme}://{host}{parts.path.rstrip('/')}")

    @property
    def is_exposed(self) -> bool:
        """Everything would pass unencrypted to another machine, and nobody has accepted that."""
        if self.allow_http or self.endpoint_url is None:
            return False
        parts = urlsplit(self.endpoint_url)
        return parts.scheme == "http" and not _is_here(parts.hostname or "")


def _is_here(host: str) -> bool:
    """The host is this machine, whatever a name server says."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


# -- which there are -------------------------------------------------------------------------------


def find_profiles(environ: Mapping[str, str], *, extra: Sequence[Profile] = ()) -> tuple[Profile, ...]:
    """Every profile there is, ``default`` first.

    Args:
        environ: The environment; says where the files are, and has settings that go before theirs.
        extra: Profiles of the program's own settings. What one of them says goes before what the
            files and the environment say of the same name: it was written for that very endpoint.

    A profile whose endpoint is not a usable URL is left out; `resolve_profile` says what is wrong.
    """
    files = read_files(environ)
    found = []
    for name in _names(files, environ, extra):
        profile = _profile(name, files, environ, extra)
        if profile.endpoint_url is None or _flaw(profile.endpoint_url) is None:
            found.append(profile)
    return tuple(found)


def resolve_profile(
    environ: Mapping[str, str],
    *,
    name: str | None = None,
    endpoint_url: str | None = None,
    region: str | None = None,
    unsigned: bool = False,
    read_only: bool = False,
    extra: Sequence[Profile] = (),
) -> Profile:
    """The profile to use, found as every AWS tool does: arguments, then environment, then files.

    Raises:
        UsageError: No profile has that name, or the endpoint is not a usable URL.
    """
    files = read_files(environ)
    chosen = name or environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE") or DEFAULT
    known = _names(files, environ, extra)
    # The default one needs no section: its credentials may come from the machine itself.
    if chosen not in known and chosen != DEFAULT:
        there = ", ".join(known) or "none"
        raise UsageError(f"there is no profile named {chosen} (there are: {there})")
    profile = _profile(chosen, files, environ, extra)
    if endpoint_url:
        profile = replace(profile, endpoint_url=endpoint_url)
    if profile.endpoint_url is not None and (flaw := _flaw(profile.endpoint_url)):
        source = "" if endpoint_url else f" of the profile {chosen}"
        raise UsageError(f"the endpoint URL{source} {flaw}")
    return replace(
        profile,
        region=region or profile.region,
        unsigned=unsigned or profile.unsigned,
        read_only=read_only or profile.read_only,
    )


def _names(files: AwsFiles, environ: Mapping[str, str], extra: Sequence[Profile]) -> list[str]:
    names = dict.fromkeys((*files.profiles, *(profile.name for profile in extra)))
    if environ.get("AWS_ACCESS_KEY_ID"):
        names.setdefault(DEFAULT)
    return sorted(names, key=lambda name: name != DEFAULT)


def _profile(name: str, files: AwsFiles, environ: Mapping[str, str], extra: Sequence[Profile]) -> Profile:
    section = files.profiles.get(name) or Section({}, False)
    settings = section.settings
    addressing = nested_settings(settings.get("s3", "")).get("addressing_style", "").lower()
    profile = Profile(
        name,
        _configured_endpoint(settings, files, environ),
        environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or settings.get("region") or None,
        addressing if addressing in _ADDRESSING else "auto",
        environ.get("AWS_CA_BUNDLE") or settings.get("ca_bundle") or None,
    )
    own = next((each for each in extra if each.name == name), None)
    if own is None:
        return profile
    return Profile(
        name,
        own.endpoint_url or profile.endpoint_url,
        own.region or profile.region,
        own.addressing if own.addressing != "auto" else profile.addressing,
        own.ca_file or profile.ca_file,
        own.read_only,
        own.unsigned,
        allow_http=own.allow_http,
    )


def _configured_endpoint(
    settings: Mapping[str, str], files: AwsFiles, environ: Mapping[str, str]
) -> str | None:
    """The most special one that is configured, as https://docs.aws.amazon.com/sdkref/ orders them."""
    ignored = environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") or settings.get(
        "ignore_configured_endpoint_urls", ""
    )
    if ignored.lower() == "true":
        return None
    services = files.services.get(settings.get("services", ""), {})
    return (
        environ.get("AWS_ENDPOINT_URL_S3")
        or environ.get("AWS_ENDPOINT_URL")
        or services.get("s3")
        or settings.get("endpoint_url")
        or None
    )


def _flaw(url: str) -> str | None:
    """What is wrong with an endpoint URL. Never repeats the URL where it may hold a password."""
    # Anywhere: a password with a slash in it looks like a path.
    if "@" in url:
        return "has a user name or password in it: put credentials into a profile"
    if any(char.isspace() or not char.isprintable() for char in url):
        return "has spaces or control characters in it"
    if "://" not in url:
        return f"{url!r} does not say http:// or https://"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        return f"{url!r} is not a URL ({error})"
    if parts.scheme not in ("http", "https"):
        return f"{url!r} does not begin with http:// or https://"
    if not host:
        return f"{url!r} names no host"
    if parts.query or parts.fragment:
        return "has a query in it: only scheme, host, port and path make an endpoint"
    return None


# -- whether anything is configured ----------------------------------------------------------------

_CREDENTIAL_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


def has_credentials_hint(profile: Profile, environ: Mapping[str, str]) -> bool:
    """Credentials seem to be configured. A cheap look, without network: a machine's own role is not seen."""
    if profile.unsigned or any(environ.get(variable) for variable in _CREDENTIAL_VARIABLES):
        return True
    section = read_files(environ).profiles.get(profile.name)
    return section is not None and section.leads_to_credentials


def looked_for(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Where credentials were looked for and what was there, a line each, no secret in it."""
    lines = [
        f"{variable}: {'set' if environ.get(variable) else 'not set'}"
        for variable in ("AWS_PROFILE", *_CREDENTIAL_VARIABLES[:2])
    ]
    files = read_files(environ)
    for path in (credentials_path(environ), config_path(environ)):
        lines.append(f"{path}: {_state(path)}")
    leading = [name for name, section in files.profiles.items() if section.leads_to_credentials]
    lines.append(f"profiles with credentials: {', '.join(leading) or 'none'}")
    return tuple(lines)


def _state(path: str) -> str:
    try:
        with open(path, "rb"):
            return "there"
    except FileNotFoundError:
        return "not there"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
