"""Profiles as the AWS files and the environment have them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import UsageError
from engine.s3.awsfiles import nested_settings, read_files
from engine.s3.profiles import Profile, find_profiles, has_credentials_hint, looked_for, resolve_profile

CONFIG = """\
[default]
region = eu-west-1

[profile minio]
region = us-east-1
services = local
s3 =
  max_concurrent_requests = 5
  addressing_style = path
ca_bundle = /etc/minio.pem

[profile "two words"]
endpoint_url = https://two.example:9000/base
sso_session = work

[services local]
s3 =
  endpoint_url = http://127.0.0.1:9000
dynamodb =
  endpoint_url = http://127.0.0.1:8000

[sso-session work]
sso_start_url = https://example.awsapps.com/start
"""

CREDENTIALS = """\
[default]
aws_access_key_id = AKIACANARY
aws_secret_access_key = CANARYSECRET

[keys only]
aws_access_key_id = AKIACANARY
aws_secret_access_key = CANARYSECRET
aws_session_token = CANARYTOKEN
endpoint_url = http://keys.example
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment whose home has both files."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text(CONFIG)
    (tmp_path / ".aws/credentials").write_text(CREDENTIALS)
    return {"HOME": str(tmp_path)}


@pytest.fixture
def empty(tmp_path: Path) -> dict[str, str]:
    """An environment in which nothing is configured."""
    return {"HOME": str(tmp_path)}


def with_config(tmp_path: Path, text: str | bytes) -> dict[str, str]:
    path = tmp_path / "config"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return {"HOME": str(tmp_path / "nowhere"), "AWS_CONFIG_FILE": str(path)}


def refused(environ: dict[str, str], **how: str) -> str:
    with pytest.raises(UsageError) as error:
        resolve_profile(environ, **how)  # type: ignore[arg-type]
    return str(error.value)


# -- which there are -------------------------------------------------------------------------------


def test_profiles_of_both_files_are_found(environ: dict[str, str]) -> None:
    assert find_profiles(environ) == (
        Profile("default", region="eu-west-1"),
        Profile("minio", "http://127.0.0.1:9000", "us-east-1", "path", "/etc/minio.pem"),
        Profile("two words", "https://two.example:9000/base"),
        Profile("keys only", "http://keys.example"),
    )


def test_no_secret_is_copied(environ: dict[str, str]) -> None:
    said = repr(find_profiles(environ)) + repr(looked_for(environ))
    assert "CANARY" not in said


def test_a_secret_that_stands_too_far_to_the_right_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    text = "[default]\ns3 =\n  addressing_style = path\n  x aws_secret_access_key = CANARYSECRET\n"
    (tmp_path / ".aws/config").write_text(text)
    files = read_files({"HOME": str(tmp_path)})
    assert "CANARY" not in repr(files)
    assert nested_settings(files.profiles["default"].settings["s3"]) == {"addressing_style": "path"}


def test_nothing_configured_is_no_profile(empty: dict[str, str]) -> None:
    assert find_profiles(empty) == ()


def test_keys_in_the_environment_are_the_default_profile(empty: dict[str, str]) -> None:
    assert find_profiles({**empty, "AWS_ACCESS_KEY_ID": "AKIA"}) == (Profile("default"),)


def test_files_named_in_the_environment_are_read(environ: dict[str, str], tmp_path: Path) -> None:
    named = tmp_path / "other"
    named.write_text("[profile other]\nregion=x\n")
    found = find_profiles(
        {**environ, "AWS_CONFIG_FILE": str(named), "AWS_SHARED_CREDENTIALS_FILE": "~/absent"}
    )
    assert found == (Profile("other", region="x"),)


@pytest.mark.parametrize(
    "text",
    [
        "no section\n[profile a]\nregion = r\n",
        "\ufeff[profile a]\nregion = r\n",
        "[profile a]\nregion = r\n[profile a]\n",
        "[profile a]\n  region = r\n",
        "[profile a]\nnonsense\nregion = r\n",
        "[profile a]\r\nregion = r\r\n",
        "[profile a]\nregion = r\ns3 = path\n",
        "[profile a]\nregion = r\n[]\n[profile\n[profile 'b]\n",
        "[DEFAULT]\nregion = no\n[profile a]\nregion = r\n",
        "[profile a]\nregion = r\ns3 =\n    addressing_style = sideways\n",
        b"[profile a]\nname = \xff\xfe\nregion = r\n",
    ],
)
def test_odd_files_say_what_can_be_made_of_them(tmp_path: Path, text: str | bytes) -> None:
    assert Profile("a", region="r") in find_profiles(with_config(tmp_path, text))


def test_a_folder_or_binary_in_place_of_a_file_is_no_profile(tmp_path: Path) -> None:
    assert find_profiles({"AWS_CONFIG_FILE": str(tmp_path), "HOME": str(tmp_path)}) == ()
    assert find_profiles(with_config(tmp_path, bytes(range(256)) * 100)) == ()


def test_own_profiles_are_added_and_go_before_the_files(environ: dict[str, str]) -> None:
    own = (Profile("minio", "http://nas:9000", read_only=True), Profile("new", "http://new"))
    found = {profile.name: profile for profile in find_profiles(environ, extra=own)}
    assert found["minio"] == Profile(
        "minio", "http://nas:9000", "us-east-1", "path", "/etc/minio.pem", read_only=True
    )
    assert found["new"] == own[1]
    assert resolve_profile(environ, name="new", extra=own) == own[1]


# -- the one to use --------------------------------------------------------------------------------


def test_arguments_go_before_the_environment_and_that_before_the_files(environ: dict[str, str]) -> None:
    assert resolve_profile(environ).name == "default"
    assert resolve_profile({**environ, "AWS_DEFAULT_PROFILE": "minio"}).name == "minio"
    both = {**environ, "AWS_PROFILE": "two words", "AWS_DEFAULT_PROFILE": "minio"}
    assert resolve_profile(both).name == "two words"
    assert resolve_profile(both, name="keys only").name == "keys only"

    assert resolve_profile(environ).region == "eu-west-1"
    there = {**environ, "AWS_DEFAULT_REGION": "there"}
    assert resolve_profile(there).region == "there"
    assert resolve_profile({**there, "AWS_REGION": "here"}).region == "here"
    assert resolve_profile(there, region="flag").region == "flag"


def test_endpoints_are_found_in_the_order_of_aws_tools(environ: dict[str, str]) -> None:
    def endpoint(**more: str) -> str | None:
        return resolve_profile({**environ, **more}, name="minio").endpoint_url

    assert endpoint() == "http://127.0.0.1:9000"
    assert endpoint(AWS_ENDPOINT_URL="http://all") == "http://all"
    assert endpoint(AWS_ENDPOINT_URL="http://all", AWS_ENDPOINT_URL_S3="http://s3") == "http://s3"
    assert endpoint(AWS_ENDPOINT_URL="http://all", AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true") is None
    flag = resolve_profile({**environ, "AWS_ENDPOINT_URL": "http://all"}, endpoint_url="http://flag")
    assert flag.endpoint_url == "http://flag"


def test_a_file_can_ask_to_ignore_endpoints(tmp_path: Path) -> None:
    text = "[profile a]\nendpoint_url = http://a\nignore_configured_endpoint_urls = true\n"
    assert resolve_profile(with_config(tmp_path, text), name="a").endpoint_url is None


def test_ca_bundle_of_the_environment_goes_before_the_file(environ: dict[str, str]) -> None:
    assert resolve_profile(environ, name="minio").ca_file == "/etc/minio.pem"
    assert resolve_profile({**environ, "AWS_CA_BUNDLE": "/ca"}, name="minio").ca_file == "/ca"


def test_unsigned_and_read_only_are_taken_over(empty: dict[str, str]) -> None:
    profile = resolve_profile(empty, unsigned=True, read_only=True)
    assert profile == Profile("default", unsigned=True, read_only=True)


def test_unknown_profile_names_those_that_exist(environ: dict[str, str]) -> None:
    for said in (refused(environ, name="nope"), refused({**environ, "AWS_PROFILE": "nope"})):
        assert "nope" in said
        assert "default, minio, two words, keys only" in said


@pytest.mark.parametrize(
    "url",
    [
        "localhost:9000",
        "ftp://host",
        "http://",
        "http://host:port",
        "http://host:99999",
        "http://[::1",
        "http://host/?query",
        "http://host/#part",
        "http://host /",
        "http://host\n",
        "file:///etc/passwd",
    ],
)
def test_endpoints_that_are_no_urls_are_refused(empty: dict[str, str], url: str) -> None:
    assert "endpoint URL" in refused(empty, endpoint_url=url)


@pytest.mark.parametrize("url", ["http://user:PASSWORD@host/", "https://PASSWORD@host", "user:PASSWORD@host"])
def test_passwords_in_endpoints_are_refused_and_not_repeated(empty: dict[str, str], url: str) -> None:
    said = refused(empty, endpoint_url=url)
    assert "profile" in said
    assert "PASSWORD" not in said
    assert "PASSWORD" not in refused({**empty, "AWS_ENDPOINT_URL": url})


@pytest.mark.parametrize("url", ["http://127.0.0.1:8333", "https://[::1]:9000/base/", "http://nas"])
def test_endpoints_that_are_urls_are_taken(empty: dict[str, str], url: str) -> None:
    assert resolve_profile(empty, endpoint_url=url).endpoint_url == url


def test_a_profile_with_a_bad_endpoint_is_left_out_of_the_list_and_explained(tmp_path: Path) -> None:
    environ = with_config(tmp_path, "[profile a]\nendpoint_url = nowhere\n[profile b]\n")
    assert find_profiles(environ) == (Profile("b"),)
    assert "profile a" in refused(environ, name="a")


# -- whether anything is configured ----------------------------------------------------------------


def test_hint_of_credentials(environ: dict[str, str], tmp_path: Path) -> None:
    assert has_credentials_hint(Profile("default"), environ)
    assert has_credentials_hint(Profile("two words"), environ)
    assert not has_credentials_hint(Profile("minio"), environ)
    assert not has_credentials_hint(Profile("default"), {"HOME": str(tmp_path / "nowhere")})
    assert has_credentials_hint(Profile("default", unsigned=True), {"HOME": str(tmp_path / "nowhere")})


@pytest.mark.parametrize(
    "variable",
    [
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ],
)
def test_the_environment_hints_at_credentials(empty: dict[str, str], variable: str) -> None:
    assert has_credentials_hint(Profile("default"), {**empty, variable: "x"})


def test_what_was_looked_for_is_said(empty: dict[str, str], environ: dict[str, str]) -> None:
    said = looked_for({"HOME": empty["HOME"] + "/nowhere"})
    assert "AWS_ACCESS_KEY_ID: not set" in said
    assert any(line.endswith("/.aws/credentials: not there") for line in said)
    assert said[-1] == "profiles with credentials: none"
    assert looked_for(environ)[-1] == "profiles with credentials: default, two words, keys only"


def test_looking_at_profiles_loads_no_botocore() -> None:
    code = "import engine.s3.profiles, sys; sys.exit(any('boto' in name for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
