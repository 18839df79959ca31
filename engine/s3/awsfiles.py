"""The AWS configuration files, read for what is no secret: names, regions, endpoints.

botocore reads them too, for the credentials; it is not loaded here, so that a list of profiles costs
milliseconds at start-up. Values of secret settings are dropped while reading.
"""

from __future__ import annotations

import configparser
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

_MOST_BYTES = 4 * 1024 * 1024
"""Of one file; a larger one is no configuration."""

_BARE_NAME = re.compile(r"[^\s\[#;=:][^=:]*")

_CREDENTIAL_SETTINGS = frozenset(
    (
        "aws_access_key_id",
        "credential_process",
        "login_session",
        "role_arn",
        "sso_account_id",
        "sso_session",
        "sso_start_url",
        "web_identity_token_file",
    )
)
"""Any of these says that the profile leads to credentials."""

_PLAIN_SETTINGS = frozenset(
    ("region", "endpoint_url", "ignore_configured_endpoint_urls", "services", "ca_bundle", "s3")
)
"""What is kept."""


_NESTED = frozenset(("addressing_style", "endpoint_url"))
"""What is kept of the indented lines below ``s3`` and below a service."""


@dataclass(frozen=True, slots=True)
class Section:
    """One profile as its files say, credentials left out."""

    settings: Mapping[str, str]
    """`_PLAIN_SETTINGS` by name; ``s3`` has its nested lines."""
    leads_to_credentials: bool


@dataclass(frozen=True, slots=True)
class AwsFiles:
    """Both files together: what the credentials file says goes before."""

    profiles: Mapping[str, Section] = field(default_factory=dict)
    """By name, in the order of the files."""
    services: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """``[services NAME]``: nested lines by service."""


def config_path(environ: Mapping[str, str]) -> str:
    """The configuration file, whether or not it is there."""
    return _path(environ, "AWS_CONFIG_FILE", "config")


def credentials_path(environ: Mapping[str, str]) -> str:
    """The credentials file, whether or not it is there."""
    return _path(environ, "AWS_SHARED_CREDENTIALS_FILE", "credentials")


def read_files(environ: Mapping[str, str]) -> AwsFiles:
    """What the files say. One that is missing, unreadable or odd says as much as can be made of it."""
    profiles: dict[str, Section] = {}
    services: dict[str, dict[str, str]] = {}
    for header, values in _read(config_path(environ)).items():
        kind, name = _split_header(header)
        if kind == "services":
            services[name] = {
                service: nested["endpoint_url"]
                for service, lines in values.items()
                if "endpoint_url" in (nested := nested_settings(lines))
            }
        elif kind == "profile" or (not kind and name == "default"):
            _add(profiles, name, values)
    for header, values in _read(credentials_path(environ)).items():
        _add(profiles, header.strip(), values)
    return AwsFiles(profiles, services)


def nested_settings(lines: str) -> dict[str, str]:
    """The settings in the indented lines below one, as in ``s3 =``.

    >>> nested_settings("\\naddressing_style = path")
    {'addressing_style': 'path'}
    """
    found = {}
    for line in lines.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            found[name.strip().lower()] = value.strip()
    return found


def _plain_lines(value: str) -> str:
    """Without the indented lines that are not used: a secret that stands too far to the right is none of ours."""
    first, *below = value.split("\n")
    return "\n".join([first, *(line for line in below if line.partition("=")[0].strip().lower() in _NESTED)])


def _path(environ: Mapping[str, str], variable: str, name: str) -> str:
    home = environ.get("HOME") or os.path.expanduser("~")
    path = environ.get(variable) or f"~/.aws/{name}"
    if path == "~" or path.startswith("~/"):
        return home + path[1:]
    return os.path.expanduser(path)


def _add(profiles: dict[str, Section], name: str, values: Mapping[str, str]) -> None:
    before = profiles.get(name)
    kept = {key: value for key, value in values.items() if key in _PLAIN_SETTINGS}
    leads = any(value for key, value in values.items() if key in _CREDENTIAL_SETTINGS)
    if before is not None:
        kept = {**before.settings, **kept}
        leads = leads or before.leads_to_credentials
    profiles[name] = Section(kept, leads)


def _split_header(header: str) -> tuple[str, str]:
    """Kind and name of a section of the configuration file; names may be quoted."""
    try:
        words = shlex.split(header)
    except ValueError:
        words = header.split(maxsplit=1)
    if len(words) == 2:
        return words[0], words[1]
    return ("", words[0]) if len(words) == 1 else ("unknown", header)


def _read(path: str) -> dict[str, dict[str, str]]:
    """Settings by section, names in lower case. Lines that mean nothing are passed over."""
    try:
        with open(path, "rb") as file:
            text = file.read(_MOST_BYTES).decode("utf-8-sig", "replace")
    except (OSError, ValueError):
        return {}
    lines = text.splitlines()
    start = next((row for row, line in enumerate(lines) if line.startswith("[")), len(lines))
    # A name without a value is one with an empty value: the parser fails on an indented line below it.
    lines = [f"{line} =" if _BARE_NAME.fullmatch(line) else line for line in lines[start:]]
    # The name of the section that holds for all is one that no file can have: ``DEFAULT`` is none here.
    parser = configparser.RawConfigParser(strict=False, interpolation=None, default_section="\0")
    try:
        parser.read_string("\n".join(lines))
    except configparser.Error:
        pass  # What stands before and after an odd line was read all the same.
    wanted = _PLAIN_SETTINGS | _CREDENTIAL_SETTINGS
    found: dict[str, dict[str, str]] = {}
    for header in parser.sections():
        keep_all = header.startswith("services")
        found[header] = {
            name: _plain_lines(value or "") if name not in _CREDENTIAL_SETTINGS else "yes" * bool(value)
            for name, value in parser.items(header)
            if keep_all or name in wanted
        }
    return found
