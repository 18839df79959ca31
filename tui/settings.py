"""What the user has set once and for all, in ``config.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import ConflictPolicy, Profile, UsageError
from tui.limits import parse_limits
from tui.sizes import parse_size

FILE_NAME = "config.toml"

EXAMPLE = """\
# on_conflict = "ask"          # ask skip overwrite newer differs rename (in the app; cp overwrites)
# workers = 16                 # requests under way at a time
# part_size = "8M"
# rate_limit = "off"           # 10M, or up:down as 5M:20M
# theme = "textual-dark"
# state_dir = "/path"
# [endpoints.minio]            # then: s3tui --profile minio
# url = "https://minio.example.net:9000"
# region = "us-east-1"
# addressing = "path"          # auto path virtual
# ca_file = "/etc/ssl/our-ca.pem"
# profile = "backup"           # whose credentials; the name of the endpoint unless given
# read_only = false
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """Defaults that flags and environment go before."""

    path: str = ""
    """Where they were read from, or would be."""
    on_conflict: ConflictPolicy | None = None
    workers: int | None = None
    part_size: int | None = None
    """Bytes."""
    rate_limit: tuple[int | None, int | None] | None = None
    """Bytes per second, up and down."""
    theme: str | None = None
    state_dir: str | None = None
    profile: str | None = None
    endpoints: tuple[Profile, ...] = ()
    """The user's own."""
    notes: tuple[str, ...] = field(default=())


def config_path(environ: Mapping[str, str]) -> Path:
    """Where settings are kept."""
    if environ.get("S3TUI_CONFIG"):
        return Path(environ["S3TUI_CONFIG"])
    from platformdirs import user_config_path

    return user_config_path("s3tui", appauthor=False) / FILE_NAME


def default_state_dir(environ: Mapping[str, str]) -> str:
    """Where the queue is kept unless told otherwise."""
    if environ.get("S3TUI_STATE_DIR"):
        return environ["S3TUI_STATE_DIR"]
    from platformdirs import user_state_path

    return str(user_state_path("s3tui", appauthor=False))


def load(environ: Mapping[str, str]) -> Settings:
    """The settings; all defaults where there is no file.

    Raises:
        UsageError: The file cannot be understood; what and where.
    """
    path = config_path(environ)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return Settings(str(path))
    except OSError as error:
        raise UsageError(f"the settings in {path} cannot be read: {error.strerror}") from error
    try:
        table = tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"the settings in {path} are not TOML: {error}") from error
    return read(table, str(path))


def read(table: Mapping[str, Any], path: str) -> Settings:
    """Settings from a parsed file.

    Raises:
        UsageError: An unknown name, or a value that makes no sense.
    """
    given = dict(table)
    endpoints = given.pop("endpoints", {})
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in _VALUES:
            raise UsageError(
                f"{path}: there is no setting {name!r} (there are: {', '.join(sorted(_VALUES))})"
            )
        values[name] = _read_value(name, value, path)
    if not isinstance(endpoints, dict):
        raise UsageError(f"{path}: endpoints is a table: [endpoints.NAME]")
    profiles = tuple(_endpoint(name, entry, path) for name, entry in endpoints.items())
    return Settings(path, endpoints=profiles, **values)


def _read_value(name: str, value: Any, path: str) -> Any:
    try:
        return _VALUES[name](value)
    except (ValueError, TypeError) as error:
        raise UsageError(f"{path}: {name}: {error}") from None


def _policy(value: Any) -> ConflictPolicy:
    try:
        return ConflictPolicy(value)
    except ValueError:
        raise ValueError(f"{value!r} is none of {', '.join(p.value for p in ConflictPolicy)}") from None


def _workers(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 64:
        raise ValueError("a number from 1 to 64 is expected")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text is expected")
    return value


def _size(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else parse_size(_text(value))


_VALUES: dict[str, Callable[[Any], Any]] = {
    "on_conflict": _policy,
    "workers": _workers,
    "part_size": _size,
    "rate_limit": lambda value: parse_limits(_text(value)),
    "theme": _text,
    "state_dir": _text,
    "profile": _text,
}

_ENDPOINT_NAMES = ("url", "region", "addressing", "ca_file", "read_only", "unsigned", "profile")


def _endpoint(name: str, entry: Any, path: str) -> Profile:
    if not isinstance(entry, dict) or not isinstance(entry.get("url"), str):
        raise UsageError(f"{path}: [endpoints.{name}] needs a url")
    for key, value in entry.items():
        if key not in _ENDPOINT_NAMES:
            raise UsageError(
                f"{path}: [endpoints.{name}] has no setting {key!r} ({', '.join(_ENDPOINT_NAMES)})"
            )
        wanted = bool if key in ("read_only", "unsigned") else str
        if not isinstance(value, wanted):
            raise UsageError(f"{path}: [endpoints.{name}] {key} is a {wanted.__name__}")
    addressing = entry.get("addressing", "auto")
    if addressing not in ("auto", "path", "virtual"):
        raise UsageError(f"{path}: [endpoints.{name}] addressing is auto, path or virtual")
    return Profile(
        name=entry.get("profile", name),
        endpoint_url=entry["url"],
        region=entry.get("region"),
        addressing=addressing,
        ca_file=entry.get("ca_file"),
        read_only=entry.get("read_only", False),
        unsigned=entry.get("unsigned", False),
    )
