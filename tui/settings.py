"""What the user has set once and for all, in ``config.toml``."""

from __future__ import annotations

import argparse
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import ConflictPolicy, UsageError
from tui.limits import parse_limits
from tui.schedule import Schedule, read_schedule
from tui.sizes import parse_count, parse_seconds, parse_size, parse_sse

if TYPE_CHECKING:
    from engine import Profile

FILE_NAME = "config.toml"

EXAMPLE = """\
profile = "backup"             # an AWS profile, or one of the endpoints below
state_dir = "/var/lib/s3tui"   # where the queue is kept
on_conflict = "skip"           # ask skip overwrite newer differs rename
workers = 16                   # requests at a time
part_size = "8M"
rate_limit = "5M:20M"          # up:down, one number for both, or "off"
retries = 7                    # of each part
wait_for = "15m"               # while nothing can move
include = ["*.tar"]
exclude = [".git"]
temp_dir = "/data/tmp"         # for unfinished downloads; on the same file system
storage_class = "STANDARD_IA"
sse = "AES256"                 # or aws:kms, aws:kms:KEY
request_payer = false
require_checksum = true
read_only = false
log_file = "/var/log/s3tui.log"
theme = "light"                # dark light high-contrast no-colour ansi-dark ansi-light

[limits]                       # by the hour, unless --rate-limit is given; at other times rate_limit
"08:00-18:00" = "5M:20M"
"22:00-06:00" = "off"

[keys]                         # these keys, and only these, do it; the ids stand in the table of keys
"pane.copy" = ["c", "F5"]
"app.queue" = "w"

[endpoints.minio]              # then: s3tui --profile minio
url = "https://minio.example.net:9000"
region = "us-east-1"
addressing = "path"            # auto path virtual
ca_file = "/etc/ssl/our-ca.pem"
profile = "backup"             # whose credentials; else those of an AWS profile of the same name
read_only = false
unsigned = false
allow_http = false             # accept an http:// url, whose traffic can be read on the way
"""
"""Every setting there is; the README shows it."""


@dataclass(frozen=True, slots=True)
class OwnEndpoint:
    """An endpoint of the user's own, chosen like a profile."""

    name: str
    profile: Profile
    """Its `name` is that of the credentials; the same as the endpoint's where none were named."""
    names_credentials: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """Defaults that flags and environment go before; ``None`` where nothing was set."""

    path: str = ""
    """Where they were read from, or would be."""
    profile: str | None = None
    state_dir: str | None = None
    on_conflict: ConflictPolicy | None = None
    workers: int | None = None
    part_size: int | None = None
    """Bytes."""
    rate_limit: tuple[int | None, int | None] | None = None
    """Bytes per second, up and down."""
    retries: int | None = None
    wait_for: float | None = None
    """Seconds."""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    temp_dir: str | None = None
    storage_class: str | None = None
    sse: str | None = None
    request_payer: bool = False
    require_checksum: bool = False
    read_only: bool = False
    log_file: str | None = None
    theme: str | None = None
    limits: Schedule = field(default_factory=Schedule)
    """Rate limits by the hour."""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Ids of actions and their keys as they were written; `tui.keymap` checks them."""
    endpoints: tuple[OwnEndpoint, ...] = ()


def config_path(environ: Mapping[str, str]) -> Path:
    """Where settings are kept."""
    if environ.get("S3TUI_CONFIG"):
        return Path(environ["S3TUI_CONFIG"])
    from platformdirs import user_config_path

    return user_config_path("s3tui", appauthor=False) / FILE_NAME


def state_dir_of(args: argparse.Namespace, settings: Settings, environ: Mapping[str, str]) -> str:
    """Where the queue is kept: ``--state-dir``, ``S3TUI_STATE_DIR``, the settings, the user's state folder."""
    given = args.state_dir or environ.get("S3TUI_STATE_DIR") or settings.state_dir
    if given:
        return os.path.abspath(given)
    from platformdirs import user_state_path

    return os.path.abspath(user_state_path("s3tui", appauthor=False))


def load(environ: Mapping[str, str]) -> Settings:
    """The settings; all defaults where there is no file.

    Raises:
        UsageError: The file cannot be understood; what and where.
    """
    path = str(config_path(environ))
    return read(parse(text_of(path), path), path)


def text_of(path: str) -> str:
    """What is in the file; empty where there is none.

    Raises:
        UsageError: It cannot be read, or is no text.
    """
    try:
        return Path(path).read_bytes().decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise UsageError(f"the settings in {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the settings in {path} are not TOML: {error}") from error


def parse(text: str, path: str) -> dict[str, Any]:
    """The settings as they are written.

    Raises:
        UsageError: They are no TOML; `path` names the file.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"the settings in {path} are not TOML: {error}") from error


def read(table: Mapping[str, Any], path: str) -> Settings:
    """Settings from a parsed file.

    Raises:
        UsageError: An unknown name, or a value that makes no sense.
    """
    given = dict(table)
    endpoints, keys = given.pop("endpoints", {}), given.pop("keys", {})
    limits = _limits(given.pop("limits", {}), path)
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in _VALUES:
            raise UsageError(
                f"{path}: there is no setting {name!r} (there are: {_listed(_VALUES)}, endpoints, keys, limits)"
            )
        try:
            values[name] = _VALUES[name](value)
        except ValueError as error:
            raise UsageError(f"{path}: {name}: {error}") from None
    if not isinstance(endpoints, dict):
        raise UsageError(f"{path}: endpoints is a table: [endpoints.NAME]")
    own = tuple(_endpoint(name, entry, path) for name, entry in endpoints.items())
    return Settings(path, limits=limits, keys=_keys(keys, path), endpoints=own, **values)


def _limits(table: object, path: str) -> Schedule:
    if not isinstance(table, dict):
        raise UsageError(f"{path}: limits is a table: [limits]")
    try:
        return read_schedule(table)
    except ValueError as error:
        raise UsageError(f"{path}: [limits] {error}") from None


def _keys(table: object, path: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(table, dict):
        raise UsageError(f"{path}: keys is a table: [keys]")
    found = {}
    for id, value in table.items():
        if isinstance(value, dict):
            raise UsageError(f'{path}: [keys] write the id in quotes: "{id}.{next(iter(value), "…")}" = "c"')
        try:
            found[id] = (_text(value),) if isinstance(value, str) else _texts(value)
        except ValueError:
            raise UsageError(
                f'{path}: [keys] {id}: a key or a list of keys is expected: ["c", "F5"]'
            ) from None
    return found


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(sorted(names))


def check(name: str, value: object) -> None:
    """Complain about the value of a setting.

    Raises:
        ValueError: What is wrong, in words.
    """
    _VALUES[name](value)


# -- one value ---------------------------------------------------------------------------------------


def _policy(value: object) -> ConflictPolicy:
    names = [policy.value for policy in ConflictPolicy]
    if value not in names:
        raise ValueError(f"{value!r} is none of {', '.join(names)}")
    return ConflictPolicy(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text is expected")
    return value


def _path(value: object) -> str:
    return os.path.abspath(os.path.expanduser(_text(value)))


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false is expected")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError('a list of texts is expected: ["*.tar"]')
    return tuple(_text(each) for each in value)


def _typed(parse: Callable[[str], Any]) -> Callable[[object], Any]:
    """A number as it is, or a text as one would type it after the option."""

    def read_value(value: object) -> Any:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return parse(str(value) if is_number else _text(value))

    return read_value


_VALUES: dict[str, Callable[[object], Any]] = {
    "exclude": _texts,
    "include": _texts,
    "log_file": _path,
    "on_conflict": _policy,
    "part_size": _typed(parse_size),
    "profile": _text,
    "rate_limit": _typed(parse_limits),
    "read_only": _flag,
    "request_payer": _flag,
    "require_checksum": _flag,
    "retries": _typed(lambda text: parse_count(text, 0, 1000)),
    "sse": lambda value: parse_sse(_text(value)),
    "state_dir": _path,
    "storage_class": _text,
    "temp_dir": _path,
    "theme": _text,
    "wait_for": _typed(parse_seconds),
    "workers": _typed(lambda text: parse_count(text, 1, 64)),
}


# -- endpoints ---------------------------------------------------------------------------------------


def _addressing(value: object) -> str:
    if value not in ("auto", "path", "virtual"):
        raise ValueError("auto, path or virtual is expected")
    return str(value)


_ENDPOINT_VALUES: dict[str, Callable[[object], Any]] = {
    "addressing": _addressing,
    "allow_http": _flag,
    "ca_file": _path,
    "profile": _text,
    "read_only": _flag,
    "region": _text,
    "unsigned": _flag,
    "url": _text,
}


def _endpoint(name: str, entry: object, path: str) -> OwnEndpoint:
    where = f"{path}: [endpoints.{name}]"
    if not isinstance(entry, dict) or "url" not in entry:
        raise UsageError(f"{where} needs a url")
    values: dict[str, Any] = {}
    for key, value in entry.items():
        if key not in _ENDPOINT_VALUES:
            raise UsageError(f"{where} has no setting {key!r} (there are: {_listed(_ENDPOINT_VALUES)})")
        try:
            values[key] = _ENDPOINT_VALUES[key](value)
        except ValueError as error:
            raise UsageError(f"{where} {key}: {error}") from None
    credentials = values.pop("profile", None)
    values["endpoint_url"] = values.pop("url")
    from engine import Profile

    return OwnEndpoint(name, Profile(credentials or name, **values), credentials is not None)
