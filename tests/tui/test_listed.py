"""``s3tui ls`` on the real server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.servers.seaweed import Seaweed
from tui.cli import run


@pytest.fixture
def there(seaweed: Seaweed, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket with some keys; this process finds it as a command would."""
    for name in ("a.txt", "d/one", "d/deep/two", "odd/\x1b[31m"):
        seaweed.client().put_object(Bucket=bucket, Key=name, Body=b"12345")
    for name, value in seaweed.env(tmp_path / "home").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("S3TUI_STATE_DIR", str(tmp_path / "state"))
    return f"s3://{bucket}"


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> list[list[str]]:
    """The words of each line; the command must say that something was there."""
    assert run(["ls", *words]) == 0
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_one_level_is_listed_with_size_and_time(there: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = listed(capsys, there)
    assert sorted(row[-1] for row in rows) == ["a.txt", "d/", "odd/"]
    when, size, _ = next(row for row in rows if row[-1] == "a.txt")
    assert size == "5" and when.endswith("Z") and len(when) == 20


def test_all_keys_below_are_listed_and_none_reaches_the_terminal_raw(
    there: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sorted(row[-1] for row in listed(capsys, "-r", there)) == [
        "a.txt",
        "d/deep/two",
        "d/one",
        "odd/␛[31m",
    ]


def test_json_lines_have_the_keys_as_they_are(there: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ls", "--json", "-r", f"{there}/odd/"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["key"], told["size"]) == ("odd/\x1b[31m", 5) and told["etag"]
    assert run(["ls", "--json", f"{there}/d"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines() if "prefix" in line] == [
        {"prefix": "d/deep/"}
    ]


def test_one_object_is_listed_by_its_own_key(there: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert [row[1:] for row in listed(capsys, f"{there}/a.txt")] == [["5", "a.txt"]]


def test_what_is_not_there_is_said(there: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ls", f"{there}/gone/"]) == 1
    assert "there is nothing below" in capsys.readouterr().err
    assert run(["ls", "/tmp"]) == 2
    assert "is on this disk" in capsys.readouterr().err
