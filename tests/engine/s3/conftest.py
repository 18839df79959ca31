"""Connections to a server with a script, and to an AWS that never leaves the process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pytest

from engine.s3.connection import Connection
from engine.s3.profiles import Profile
from tests.engine.s3.scripted import Answer, Scripted, scripted_server


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that mean nothing, in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.fixture
def server() -> Iterator[Scripted]:
    """A server with a script."""
    with scripted_server() as server:
        yield server


@pytest.fixture
def scripted(server: Scripted, keys: None, connect: Callable[[Profile], Connection]) -> Connection:
    """To the server with a script."""
    return connect(Profile("default", server.url))


@dataclass
class Aws:
    """A connection to AWS whose requests end in this process."""

    connection: Connection
    answers: list[Answer] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def aws(keys: None, connect: Callable[[Profile], Connection]) -> Aws:
    """AWS in us-east-1, as far as the control plane is concerned."""
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    connection = connect(Profile("default"))
    aws = Aws(connection)

    class Raw(BytesIO):
        def stream(self, **_: Any) -> Iterator[bytes]:
            yield self.read()

    def answer(request: Any, **_: Any) -> AWSResponse:
        aws.urls.append(request.url)
        aws.bodies.append(request.body or b"")
        aws.headers.append(
            {
                name.lower(): value.decode() if isinstance(value, bytes) else value
                for name, value in request.headers.items()
            }
        )
        reply = aws.answers.pop(0)
        body = reply.body.encode() if isinstance(reply.body, str) else reply.body
        headers = HTTPHeaders()
        for name, value in reply.headers.items():
            headers.add_header(name, value)
        return AWSResponse(request.url, reply.status, headers, Raw(body))

    caller = connection.control._caller
    for patient in (False, True):
        caller.client(patient=patient).meta.events.register("before-send.s3", answer)
    return aws
