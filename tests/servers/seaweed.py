"""SeaweedFS as the tests use it: one server for the run, a bucket for each test."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import ClientError

from tui.seaweed import S3Client, SeaweedServer, s3_client

ROOT = Path(__file__).parents[2]
ACCESS_KEY = "AKTESTS3TUI"
SECRET_KEY = "secret-canary-0c1d2e3f"
"""Also what a test looks for where no secret may be."""


@dataclass(frozen=True, slots=True)
class Seaweed:
    """A running server and how to reach it."""

    url: str
    shared: S3Client = field(repr=False)
    access_key: str = ACCESS_KEY
    secret_key: str = field(default=SECRET_KEY, repr=False)
    _numbers: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def client(self) -> S3Client:
        """The boto3 client that all tests share; safe from any thread, closed at the end of the run."""
        return self.shared

    def bucket(self, name: str = "test") -> str:
        """Make a bucket that no other test has. Its first object takes 0.2 s: the server makes a volume for it."""
        bucket = f"{name}-{next(self._numbers):04}"
        self.shared.create_bucket(Bucket=bucket)
        return bucket

    def remove(self, bucket: str) -> None:
        """With all that is in it, at once, unless the test has removed it or made it indelible."""
        with contextlib.suppress(ClientError):
            self.shared.delete_bucket(Bucket=bucket)

    def env(self, home: Path, *, endpoint: str | None = None) -> dict[str, str]:
        """The whole environment of a child process: these keys, this server, `home`, and nothing of the user's."""
        return {
            **clean_environment(home),
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": endpoint or self.url,
        }


def home_variables(home: Path) -> dict[str, str]:
    """What sends every look for a home, a configuration or a state folder into `home`."""
    return {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "AWS_CONFIG_FILE": str(home / ".aws" / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / ".aws" / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def clean_environment(home: Path) -> dict[str, str]:
    """A child process's environment with its own home and no keys; it finds this project's modules."""
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": str(ROOT),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        **home_variables(home),
        "NO_PROXY": "127.0.0.1,localhost",
    }


@contextmanager
def running_seaweed(folder: Path) -> Iterator[Seaweed]:
    """A server with its data in `folder`."""
    with SeaweedServer(folder, ACCESS_KEY, SECRET_KEY) as server:
        client = s3_client(server.url, ACCESS_KEY, SECRET_KEY)
        try:
            yield Seaweed(server.url, client)
        finally:
            client.close()
