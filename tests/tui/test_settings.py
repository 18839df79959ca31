"""`config.toml`, and what goes before it."""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path

import pytest

from engine import ConflictPolicy, UsageError
from tui.options import parse
from tui.settings import EXAMPLE, Settings, load, read, state_dir_of
from tui.setup import Setup, place_of


def environ(tmp_path: Path, text: str = "", aws: str = "", **more: str) -> dict[str, str]:
    """An environment whose settings and AWS credentials are these."""
    (tmp_path / "config.toml").write_text(text, encoding="utf-8")
    (tmp_path / "aws").write_text(aws, encoding="utf-8")
    return {
        "S3TUI_CONFIG": str(tmp_path / "config.toml"),
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "aws"),
        **more,
    }


def set_up(line: str, env: dict[str, str]) -> Setup:
    return Setup.of(parse(line.split()), env)


def test_no_file_means_defaults(tmp_path: Path) -> None:
    found = load({"S3TUI_CONFIG": str(tmp_path / "none.toml")})
    assert found == Settings(str(tmp_path / "none.toml"))


def test_the_example_is_understood_and_names_every_setting() -> None:
    found = read(tomllib.loads(EXAMPLE), "config.toml")
    assert found.part_size == 8 * 1024**2
    assert found.rate_limit == (5 * 1024**2, 20 * 1024**2)
    assert found.wait_for == 900.0
    assert found.endpoints[0].profile.endpoint_url == "https://minio.example.net:9000"
    unset = [name for name in Settings.__slots__ if getattr(found, name) in (None, (), "")]
    assert unset == []


def test_numbers_may_be_numbers() -> None:
    found = read({"part_size": 8388608, "workers": 4, "retries": 0, "wait_for": 60}, "c")
    assert (found.part_size, found.workers, found.retries, found.wait_for) == (8388608, 4, 0, 60.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("wrokers = 4", "there is no setting 'wrokers' (there are: exclude, include,"),
        ("workers = 0", "workers: '0' is not a number from 1 to 64"),
        ("workers = true", "workers: a text is expected"),
        ('on_conflict = "maybe"', "'maybe' is none of"),
        ('part_size = "big"', "'big' is not a size"),
        ('rate_limit = "fast"', "is not a rate"),
        ("read_only = 1", "true or false"),
        ('include = "*.tar"', "a list of texts"),
        ("endpoints = 1", "endpoints is a table"),
        ("[endpoints.x]", "[endpoints.x] needs a url"),
        ('[endpoints.x]\nurl="http://h"\nregoin="r"', "has no setting 'regoin' (there are: addressing,"),
        ('[endpoints.x]\nurl="http://h"\nread_only="yes"', "[endpoints.x] read_only: true or false"),
        ('[endpoints.x]\nurl="http://h"\naddressing="odd"', "auto, path or virtual"),
        ("[endpoints.x]\nurl=1", "[endpoints.x] url: a text"),
        ("= 1", "are not TOML"),
    ],
)
def test_what_makes_no_sense_is_named_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    env = environ(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load(env)
    assert said in str(caught.value)
    assert str(tmp_path / "config.toml") in str(caught.value)


def test_an_endpoint_that_is_no_url_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\[endpoints\.x\]"):
        set_up("run", environ(tmp_path, '[endpoints.x]\nurl="host:9000"'))


# -- what goes before what -------------------------------------------------------------------------------


def test_flags_go_before_settings_and_settings_before_defaults(tmp_path: Path) -> None:
    env = environ(tmp_path, 'workers = 4\npart_size = "16M"\nretries = 2\nexclude = ["*.tmp"]')
    setup = set_up("cp a s3://b/ --workers 8", env)
    assert (setup.config().workers, setup.config().attempts) == (8, 3)
    options = setup.options(ConflictPolicy.OVERWRITE)
    assert (options.part_size, options.exclude) == (16 * 1024**2, ("*.tmp",))
    assert set_up("cp a s3://b/ --exclude x", env).options(ConflictPolicy.ASK).exclude == ("x",)


def test_the_conflict_policy_is_the_commands_own_unless_set(tmp_path: Path) -> None:
    plain, chosen = environ(tmp_path), 'on_conflict = "newer"'
    assert set_up("", plain).options(ConflictPolicy.ASK).on_conflict is ConflictPolicy.ASK
    env = environ(tmp_path, chosen)
    assert set_up("", env).options(ConflictPolicy.ASK).on_conflict is ConflictPolicy.NEWER
    flagged = set_up("--on-conflict skip", env)
    assert flagged.options(ConflictPolicy.ASK).on_conflict is ConflictPolicy.SKIP


def test_where_the_queue_is_kept(tmp_path: Path) -> None:
    flag, none = argparse.Namespace(state_dir="/f"), argparse.Namespace(state_dir=None)
    settings, env = Settings(state_dir="/t"), {"S3TUI_STATE_DIR": "/e"}
    assert state_dir_of(flag, settings, env) == "/f"
    assert state_dir_of(none, settings, env) == "/e"
    assert state_dir_of(none, settings, {}) == "/t"
    assert state_dir_of(none, Settings(), {}).endswith("/s3tui")


def test_the_log_is_in_the_state_folder_unless_told_otherwise(tmp_path: Path) -> None:
    env = environ(tmp_path, S3TUI_STATE_DIR="/s")
    assert set_up("run", env).log_file == "/s/s3tui.log"
    assert set_up("run --log-file /l", env).log_file == "/l"


def test_conditions_are_waited_for_a_quarter_of_an_hour(tmp_path: Path) -> None:
    assert set_up("run", environ(tmp_path)).wait_for == 900.0
    assert set_up("run", environ(tmp_path, 'wait_for = "1h"')).wait_for == 3600.0
    assert set_up("run --wait-for 0", environ(tmp_path, 'wait_for = "1h"')).wait_for == 0.0


# -- endpoints and profiles --------------------------------------------------------------------------------

MINIO = '[endpoints.minio]\nurl = "https://minio.example:9000"\nregion = "r1"\naddressing = "path"\n'
KEYS = "[{}]\naws_access_key_id = AK\naws_secret_access_key = SK\n"


def test_an_endpoint_of_ones_own_is_chosen_like_a_profile(tmp_path: Path) -> None:
    profile = set_up("run --profile minio", environ(tmp_path, MINIO)).profile
    assert profile.endpoint_url == "https://minio.example:9000"
    assert (profile.region, profile.addressing) == ("r1", "path")
    assert profile.name == "default"


def test_it_uses_the_credentials_of_the_profile_it_names(tmp_path: Path) -> None:
    env = environ(tmp_path, MINIO + 'profile = "backup"', KEYS.format("backup"))
    assert set_up("run --profile minio", env).profile.connection_id == "backup@https://minio.example:9000"


def test_it_uses_the_credentials_of_the_profile_of_its_own_name(tmp_path: Path) -> None:
    env = environ(tmp_path, MINIO, KEYS.format("minio"))
    assert set_up("run --profile minio", env).profile.connection_id == "minio@https://minio.example:9000"


def test_flags_change_an_endpoint_of_ones_own(tmp_path: Path) -> None:
    line = "run --profile minio --read-only --region r2 --no-sign-request"
    profile = set_up(line, environ(tmp_path, MINIO)).profile
    assert (profile.read_only, profile.region, profile.unsigned) == (True, "r2", True)


def test_the_profile_of_the_settings_is_the_default(tmp_path: Path) -> None:
    env = environ(tmp_path, 'profile = "minio"\n' + MINIO)
    assert set_up("run", env).profile.endpoint_url == "https://minio.example:9000"


@pytest.mark.parametrize(
    "chosen", [{"AWS_PROFILE": "other"}, {"AWS_ENDPOINT_URL": "http://h:1"}, {"AWS_ACCESS_KEY_ID": "AK"}]
)
def test_the_environment_goes_before_the_profile_of_the_settings(
    chosen: dict[str, str], tmp_path: Path
) -> None:
    env = environ(tmp_path, 'profile = "minio"\n' + MINIO, KEYS.format("other"), **chosen)
    assert set_up("run", env).profile.endpoint_url != "https://minio.example:9000"


def test_all_endpoints_are_at_hand_whichever_is_chosen(tmp_path: Path) -> None:
    env = environ(tmp_path, MINIO, KEYS.format("other"))
    found = [profile.connection_id for profile in set_up("run", env).profiles]
    assert found == ["default@aws", "default@https://minio.example:9000", "other@aws"]


def test_read_only_holds_for_every_profile(tmp_path: Path) -> None:
    env = environ(tmp_path, MINIO, KEYS.format("other"))
    assert all(profile.read_only for profile in set_up("run --read-only", env).profiles)
    assert all(profile.read_only for profile in set_up("run", environ(tmp_path, "read_only = true")).profiles)


# -- places --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("a", "{}/a"),
        ("a/", "{}/a/"),
        (".", "{}/"),
        ("./", "{}/"),
        ("a/..", "{}/"),
        ("a/.", "{}/a/"),
        ("/", "/"),
        ("/x//y", "/x/y"),
        ("~x", "{}/~x"),
        ("s3://b", "s3://b/"),
        ("s3://b/", "s3://b/"),
        ("S3://b/k", "s3://b/k"),
        ("s3://b//k/", "s3://b//k/"),
        ("s3://b/../k", "s3://b/../k"),
    ],
)
def test_what_a_typed_place_means(
    typed: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(place_of(typed)) == meant.format(tmp_path)


@pytest.mark.parametrize("typed", ["", "-", "s3://", "s3:///k"])
def test_what_is_no_place(typed: str) -> None:
    with pytest.raises(UsageError):
        place_of(typed)
