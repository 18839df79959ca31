"""The log holds no secret, whoever writes into it."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

import pytest

from tui.log import redact, set_up

SECRETS = [
    "Authorization: AWS4-HMAC-SHA256 Credential=AKCANARY/20261125/us-east-1/s3/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=CANARY",
    "{'Authorization': b'AWS4-HMAC-SHA256 Credential=CANARY/x, SignedHeaders=a, Signature=CANARY'}",
    "Proxy-Authorization: Basic CANARY==",
    "GET /b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=CANARY%2F2026&X-Amz-Signature=CANARY HTTP/1.1",
    "https://b.s3.amazonaws.com/k?AWSAccessKeyId=CANARY&Expires=1&Signature=CANARY%3D",
    "x-amz-security-token: CANARY//////////token==",
    "{'x-amz-security-token': 'CANARY/x=='}",
    "{'X-Amz-Security-Token': b'CANARY'}",
    "x-amz-server-side-encryption-customer-key: CANARY==",
    "x-amz-server-side-encryption-customer-key-MD5: CANARY==",
    "x-amz-copy-source-server-side-encryption-customer-key: CANARY==",
    "{'SSECustomerKey': 'CANARY', 'SSECustomerKeyMD5': 'CANARY'}",
    "aws_secret_access_key = CANARY",
    "AWS_SESSION_TOKEN=CANARY",
    "Credentials(access_key='CANARY', secret_key='CANARY')",
    "{'AccessKeyId': 'CANARY', 'SecretAccessKey': 'CANARY', 'SessionToken': 'CANARY'}",
    "proxy http://user:CANARY@proxy.example:3128",
    "proxy http://CANARY@proxy.example:3128",
]


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_are_taken_out(text: str) -> None:
    redacted = redact(text)
    assert "CANARY" not in redacted
    assert "***" in redacted


@pytest.mark.parametrize(
    "text",
    [
        "GET s3://bucket/signature-of-john.pdf 200",
        "uploaded s3://b/author/ization.txt, part 7",
        "https://minio.example:9000/b/k",
        "the signature does not match",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.fixture
def log_file(tmp_path: Path, unchanged_logging: None) -> Path:
    path = tmp_path / "state" / "s3tui.log"
    set_up(str(path))
    return path


def test_the_log_is_its_owners_alone(log_file: Path) -> None:
    logging.getLogger("engine").warning("hello")
    assert "WARNING" in log_file.read_text()
    assert log_file.stat().st_mode & 0o777 == 0o600
    assert log_file.parent.stat().st_mode & 0o777 == 0o700


def test_a_log_that_others_could_read_is_closed_to_them(tmp_path: Path, unchanged_logging: None) -> None:
    path = tmp_path / "open.log"
    path.write_text("")
    path.chmod(0o644)
    set_up(str(path))
    assert path.stat().st_mode & 0o777 == 0o600


def test_tracebacks_are_redacted_and_harmless_too(log_file: Path) -> None:
    try:
        raise ValueError("x-amz-security-token: CANARY \x1b[2J")
    except ValueError:
        logging.getLogger("engine").exception("it failed")
    text = log_file.read_text()
    assert "ValueError" in text
    assert "CANARY" not in text
    assert "\x1b" not in text


def test_the_clients_libraries_never_tell_their_requests(log_file: Path) -> None:
    for name in ("botocore.auth", "botocore.endpoint", "urllib3.connectionpool", "boto3"):
        logging.getLogger(name).debug("CANARY")
        logging.getLogger(name).info("CANARY")
    assert "CANARY" not in log_file.read_text()


def test_the_log_is_bounded_and_its_older_files_are_private_too(log_file: Path) -> None:
    logger = logging.getLogger("engine")
    for _ in range(110):
        logger.info("%s", "x" * 100_000)
    files = sorted(log_file.parent.iterdir())
    assert 2 <= len(files) <= 4
    assert sum(path.stat().st_size for path in files) < 9 * 1024**2
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_a_log_that_cannot_be_written_stops_nothing(
    tmp_path: Path, unchanged_logging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    set_up(str(tmp_path / "file" / "s3tui.log"))
    logging.getLogger("engine").error("hello")
    assert capsys.readouterr().err == ""


def test_a_thread_that_dies_is_told_in_the_log_and_not_on_the_screen(
    log_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def die() -> None:
        raise RuntimeError("odd")

    thread = threading.Thread(target=die, name="dying")
    thread.start()
    thread.join()
    assert "thread dying ended" in log_file.read_text()
    assert capsys.readouterr().err == ""


def test_setting_up_twice_writes_once(log_file: Path) -> None:
    set_up(str(log_file))
    logging.getLogger("engine").warning("hello")
    assert log_file.read_text().count("hello") == 1
    assert os.path.exists(log_file)
