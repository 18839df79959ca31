"""Profiles that are at hand, and what talks to their endpoints."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from engine.errors import NeedsAnswer
from engine.model import ConnectionId
from engine.pace.clock import Clock, SystemClock
from engine.s3.endpoint import Endpoint
from engine.s3.profiles import Profile
from engine.s3.wire import Wire

if TYPE_CHECKING:
    from engine.s3.control import Control


class Connection:
    """One endpoint, reached as one profile. Both planes are made when they are first used."""

    def __init__(self, profile: Profile, clock: Clock) -> None:
        self.profile = profile
        self.id = profile.connection_id
        self.is_exposed = profile.is_exposed
        self.endpoint = Endpoint(profile)
        self._clock = clock
        self._lock = threading.Lock()
        self._wire: Wire | None = None
        self._control: Control | None = None

    @property
    def wire(self) -> Wire:
        """What happens once for each part or small object."""
        if self._wire is None:
            with self._lock:
                if self._wire is None:
                    self._wire = Wire(self.endpoint, self._clock)
        return self._wire

    @property
    def control(self) -> Control:
        """What happens once for each listing or large object."""
        if self._control is None:
            # It loads botocore, a third of a second's work that many small items need nothing of.
            from engine.s3.control import Control

            with self._lock:
                if self._control is None:
                    self._control = Control(self.endpoint)
        return self._control

    def close(self) -> None:
        """Close what is idle; what is in use ends by its own token."""
        with self._lock:
            if self._wire is not None:
                self._wire.close()
            if self._control is not None:
                self._control.close()


class Connections:
    """The connections by their ids. Safe from any thread; `_lock` guards what is written to `_by_id`."""

    def __init__(self, profiles: Iterable[Profile] = (), *, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._by_id = {p.connection_id: Connection(p, self._clock) for p in profiles}

    def get(self, id: ConnectionId) -> Connection:
        """The connection with this id.

        Raises:
            NeedsAnswer: ``needs-profile``: its profile or endpoint was not named in this process;
                ``plain-http``: it would be reached unencrypted, and nobody has accepted that.
        """
        connection = self._by_id.get(id)
        if connection is None:
            raise NeedsAnswer("needs-profile", operation="reach", subject=str(id))
        if connection.is_exposed:
            raise NeedsAnswer("plain-http", operation="reach", subject=str(id))
        return connection

    def add(self, profile: Profile) -> None:
        """One more; of the same id it replaces the earlier one for what is asked from now on."""
        with self._lock:
            self._by_id[profile.connection_id] = Connection(profile, self._clock)

    def profiles(self) -> tuple[Profile, ...]:
        """Those at hand, in the order in which they were named."""
        with self._lock:
            return tuple(connection.profile for connection in self._by_id.values())

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            connections = list(self._by_id.values())
        for connection in connections:
            connection.close()
