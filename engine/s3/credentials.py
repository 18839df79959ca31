"""Who we are at an endpoint: botocore's chain, looked through once, and what it found."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from engine.errors import Condition, Permanent
from engine.s3.profiles import DEFAULT, Profile
from engine.s3.wire.sign import Credentials
from engine.secrets import remember_secrets

if TYPE_CHECKING:
    from botocore.session import Session

T = TypeVar("T")

_RELOAD_SECONDS = 5.0
"""Within so short a time the chain is not looked through twice."""


class CredentialSource:
    """The credentials of one profile: environment, shared files, SSO, programs, and the machine's role last.

    Threads: `_lock` guards everything while the chain is looked through, which may take seconds
    (never on the thread of a screen). `_source` is read without it; its last value is good enough.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._lock = threading.RLock()
        self._session: Session | None = None
        self._source: Any = None
        """Fixed Credentials, or botocore's object, which refreshes itself; ``False``: there are none;
        ``None``: not looked for yet."""
        self._looked_at = float("-inf")
        self._newest_secret = ""
        """Known to `engine.secrets`; written by anyone."""

    def get(self) -> Credentials:
        """The credentials to sign with now, refreshed where they are temporary.

        Raises:
            Permanent: ``no-credentials``.
            Condition: ``credentials``: they have run out, and getting new ones failed.
        """
        source = self._source
        if isinstance(source, Credentials):
            return source
        if not source:
            source = self._find()
        if source is False:
            where = self._profile.connection_id
            raise Permanent("no-credentials", operation="sign requests for", subject=str(where))
        if isinstance(source, Credentials):
            return source
        try:
            frozen = source.get_frozen_credentials()
        except Exception as error:
            # One of a dozen of botocore's, or of a plug-in; its text may quote what a program printed.
            raise self._expired("renew", error) from None
        if frozen.secret_key != self._newest_secret:
            self._newest_secret = frozen.secret_key
            remember_secrets(frozen.secret_key, frozen.token)
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token or None)

    def reload(self) -> None:
        """Look through the whole chain again when next asked: what it found has expired.

        However many threads find that out at once, it is done once.
        """
        with self._lock:
            if time.monotonic() - self._looked_at > _RELOAD_SECONDS:
                self._session = self._source = None

    def use_session(self, call: Callable[[Session], T]) -> T:
        """Do something with botocore's session of this profile, which one thread at a time may use."""
        with self._lock:
            if self._session is None:
                self._session = self._make_session()
            return call(self._session)

    # -- the chain ---------------------------------------------------------------------------------

    def _find(self) -> Any:
        with self._lock:
            # What was not there may be there now: somebody has just signed in, and tries again.
            is_due = time.monotonic() - self._looked_at > _RELOAD_SECONDS
            if self._source is None or (self._source is False and is_due):
                self._source = self._look()
                self._looked_at = time.monotonic()
            return self._source

    def _look(self) -> Any:
        access_key, secret_key = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
        if self._profile.name == DEFAULT and access_key and secret_key:
            # The first of the chain; found without loading botocore.
            return Credentials(access_key, secret_key, os.environ.get("AWS_SESSION_TOKEN") or None)
        import botocore.exceptions

        self._session = None  # it remembers what it found, and what it read
        try:
            return self.use_session(lambda session: session.get_credentials()) or False
        except botocore.exceptions.ProfileNotFound:
            return False
        except botocore.exceptions.BotoCoreError as error:
            raise self._expired("find", error) from None

    def _make_session(self) -> Session:
        import botocore.session

        # `session_vars` so that no variable names another profile than the one that was decided on.
        session = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
        name = self._profile.name
        if name != DEFAULT and name in session.available_profiles:
            if name in (os.environ.get("AWS_PROFILE"), os.environ.get("AWS_DEFAULT_PROFILE")):
                # As every AWS tool: keys in the environment go before a profile that it names.
                session = botocore.session.Session(session_vars={"profile": (None, None, name, None)})
            else:
                session.set_config_variable("profile", name)
        # The machine's own role is the last of the chain: where there is none, looking for it must
        # not cost more than a second.
        session.set_config_variable("metadata_service_timeout", 1)
        session.set_config_variable("metadata_service_num_attempts", 1)
        if self._profile.endpoint_url is not None:
            # That role is one of AWS: no other server is told its token, and none is waited for.
            session.get_component("credential_provider").remove("iam-role")
        return session

    def _expired(self, operation: str, error: Exception) -> Condition:
        scope = ("endpoint", str(self._profile.connection_id))
        return Condition(
            "credentials",
            scope,
            operation=operation,
            subject="credentials",
            detail=f"{self._profile.name}: {type(error).__name__}",
        )
