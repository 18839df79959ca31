"""Where requests go, as whom, and at what time."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path

import pytest

from engine.errors import Condition, Permanent
from engine.s3.credentials import CredentialSource
from engine.s3.endpoint import Endpoint
from engine.s3.profiles import Profile
from engine.s3.wire.sign import Credentials

LOCAL = "http://127.0.0.1:9000"


def url_of(profile: Profile, bucket: str, key: str = "") -> str:
    address = Endpoint(profile).address(bucket, key)
    assert address.host == address.origin.netloc
    return f"{address.origin.scheme}://{address.host}{address.path}"


# -- where -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint", "addressing", "bucket", "key", "url"),
    [
        (LOCAL, "auto", "b", "k", "http://127.0.0.1:9000/b/k"),
        (LOCAL, "auto", "", "", "http://127.0.0.1:9000/"),
        (LOCAL, "auto", "b", "", "http://127.0.0.1:9000/b"),
        (LOCAL, "auto", "b", "/k", "http://127.0.0.1:9000/b//k"),
        (LOCAL, "auto", "b", "a//k/", "http://127.0.0.1:9000/b/a//k/"),
        (LOCAL, "auto", "b", "a b+~ü", "http://127.0.0.1:9000/b/a%20b%2B~%C3%BC"),
        (LOCAL, "auto", "b/../c?x", "k", "http://127.0.0.1:9000/b%2F..%2Fc%3Fx/k"),
        (LOCAL, "virtual", "buck", "k", "http://buck.127.0.0.1:9000/k"),
        ("https://s3.example/base/", "auto", "b", "k", "https://s3.example/base/b/k"),
        ("https://s3.example:443", "virtual", "buck", "", "https://buck.s3.example/"),
        ("https://s3.example", "virtual", "dots.in.it", "k", "https://s3.example/dots.in.it/k"),
        ("http://[::1]:9000", "auto", "b", "k", "http://[::1]:9000/b/k"),
        ("https://bücher.example", "auto", "b", "k", "https://xn--bcher-kva.example/b/k"),
        (None, "auto", "buck", "k", "https://buck.s3.eu-west-1.amazonaws.com/k"),
        (None, "auto", "dots.in.it", "k", "https://s3.eu-west-1.amazonaws.com/dots.in.it/k"),
        (None, "auto", "Capital", "k", "https://s3.eu-west-1.amazonaws.com/Capital/k"),
        (None, "path", "buck", "k", "https://s3.eu-west-1.amazonaws.com/buck/k"),
    ],
)
def test_every_object_has_its_url(
    endpoint: str | None, addressing: str, bucket: str, key: str, url: str
) -> None:
    assert url_of(Profile("default", endpoint, "eu-west-1", addressing), bucket, key) == url


def test_partition_of_a_region_is_known() -> None:
    assert url_of(Profile("default", None, "cn-north-1"), "buck") == (
        "https://buck.s3.cn-north-1.amazonaws.com.cn/"
    )


def test_variable_does_not_lead_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", LOCAL)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", LOCAL)
    assert url_of(Profile("default", None, "us-west-2"), "buck").startswith("https://buck.s3.us-west-2.")


def test_region_has_a_default() -> None:
    assert Endpoint(Profile("default", LOCAL)).region == "us-east-1"
    assert Endpoint(Profile("default")).region == "us-east-1"
    assert Endpoint(Profile("default", LOCAL, "eu-west-1")).region == "eu-west-1"


@pytest.mark.parametrize("url", ["ftp://h", "http://", "nonsense", "http://h:port", "http://h:99999"])
def test_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Permanent) as caught:
        url_of(Profile("default", url), "b")
    assert caught.value.code == "bad-request"


def test_key_that_is_no_text_is_refused() -> None:
    with pytest.raises(Permanent) as caught:
        url_of(Profile("default", LOCAL), "b", "\udcff")
    assert caught.value.code == "name-not-utf8"


# -- as whom ---------------------------------------------------------------------------------------


def write_files(home: Path, credentials: str = "", config: str = "") -> None:
    folder = home / ".aws"
    folder.mkdir(parents=True)
    (folder / "credentials").write_text(credentials)
    (folder / "config").write_text(config)


def test_keys_of_the_environment_are_those_of_the_default_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sk")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t")
    assert Endpoint(Profile("default", LOCAL)).credentials() == Credentials("AK", "sk", "t")


def test_keys_of_the_files_are_found_by_the_profiles_name(
    nobodys_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(
        nobodys_home,
        "[default]\naws_access_key_id=D\naws_secret_access_key=d\n"
        "[work]\naws_access_key_id=W\naws_secret_access_key=w\n",
        "[profile bare]\nregion=eu-west-1\n",
    )
    assert Endpoint(Profile("default", LOCAL)).credentials() == Credentials("D", "d")
    assert Endpoint(Profile("work", LOCAL)).credentials() == Credentials("W", "w")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "E")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "e")
    # A profile that was asked for by name goes before the environment, as with every AWS tool …
    assert Endpoint(Profile("work", LOCAL)).credentials() == Credentials("W", "w")
    monkeypatch.setenv("AWS_PROFILE", "work")
    # … one that the environment names does not, and does not stand for another either.
    assert Endpoint(Profile("work", LOCAL)).credentials() == Credentials("E", "e")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert Endpoint(Profile("default", LOCAL)).credentials() == Credentials("D", "d")


def test_program_of_a_profile_is_asked(nobodys_home: Path) -> None:
    program = 'echo {\\"Version\\":1,\\"AccessKeyId\\":\\"P\\",\\"SecretAccessKey\\":\\"p\\"}'
    write_files(nobodys_home, "", f"[profile vault]\ncredential_process = sh -c '{program}'\n")
    assert Endpoint(Profile("vault", LOCAL)).credentials() == Credentials("P", "p")


def test_program_that_fails_is_waited_for_and_not_quoted(nobodys_home: Path) -> None:
    write_files(nobodys_home, "", "[profile vault]\ncredential_process = sh -c 'echo canary >&2; exit 1'\n")
    with pytest.raises(Condition) as caught:
        Endpoint(Profile("vault", LOCAL)).credentials()
    assert caught.value.code == "credentials"
    assert caught.value.scope == ("endpoint", f"vault@{LOCAL}")
    assert "canary" not in f"{caught.value}{caught.value.__cause__}"


@pytest.mark.parametrize("name", ["default", "never-heard-of"])
def test_no_credentials_are_named_so_and_looked_for_again(
    name: str, nobodys_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = Endpoint(Profile(name, LOCAL))
    for _ in range(2):
        with pytest.raises(Permanent) as caught:
            endpoint.credentials()
        assert caught.value.code == "no-credentials"
    monkeypatch.setattr("engine.s3.credentials._RELOAD_SECONDS", -1.0)
    write_files(nobodys_home, f"[{name}]\naws_access_key_id=N\naws_secret_access_key=n\n")
    assert endpoint.credentials() == Credentials("N", "n")


def test_reload_finds_what_the_files_have_now(nobodys_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.s3.credentials._RELOAD_SECONDS", -1.0)
    write_files(nobodys_home, "[work]\naws_access_key_id=A\naws_secret_access_key=a\n")
    endpoint = Endpoint(Profile("work", LOCAL))
    assert endpoint.credentials() == Credentials("A", "a")
    (nobodys_home / ".aws" / "credentials").write_text(
        "[work]\naws_access_key_id=B\naws_secret_access_key=b\n"
    )
    assert endpoint.credentials() == Credentials("A", "a")
    endpoint.reload_credentials()
    assert endpoint.credentials() == Credentials("B", "b")


def test_many_threads_look_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    barrier = threading.Barrier(8)

    def look(source: CredentialSource) -> Credentials:
        looks.append(1)
        return Credentials("AK", "sk")

    monkeypatch.setattr(CredentialSource, "_look", look)
    endpoint = Endpoint(Profile("work", LOCAL))

    def ask(_: int) -> Credentials | None:
        barrier.wait(20)
        endpoint.reload_credentials()
        return endpoint.credentials()

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(8))) == {Credentials("AK", "sk")}
    assert len(looks) == 1


def test_unsigned_profile_needs_none() -> None:
    assert Endpoint(Profile("default", LOCAL, unsigned=True)).credentials() is None


# -- when ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead", [-7200, 3600])
def test_time_is_the_servers(ahead: int) -> None:
    endpoint = Endpoint(Profile("default", LOCAL))
    assert endpoint.clock_offset is None
    endpoint.observe_date(formatdate(time.time() + ahead, usegmt=True))
    assert endpoint.clock_offset == pytest.approx(ahead, abs=2)
    assert endpoint.now().timestamp() - time.time() == pytest.approx(ahead, abs=2)


def test_small_difference_is_the_way_of_the_answer() -> None:
    endpoint = Endpoint(Profile("default", LOCAL))
    endpoint.clock_offset = 1.0
    assert endpoint.now().timestamp() == pytest.approx(time.time(), abs=0.5)


@pytest.mark.parametrize("text", ["", "yesterday", "Sun, 99 Foo 2026", "Mon, 01 Jan 99999 00:00:00 GMT"])
def test_date_that_is_none_teaches_nothing(text: str) -> None:
    endpoint = Endpoint(Profile("default", LOCAL))
    endpoint.observe_date(text)
    assert endpoint.clock_offset is None


# -- checksums -------------------------------------------------------------------------------------


def test_checksum_modes_go_on_from_the_one_that_works() -> None:
    endpoint = Endpoint(Profile("default", LOCAL))
    assert endpoint.checksum_modes() == ("full", "composite", "md5", "none")
    endpoint.learn_checksum_mode("md5")
    assert endpoint.checksum_modes() == ("md5", "none")


def test_data_plane_loads_no_botocore() -> None:
    program = (
        "import os, sys; os.environ.update(AWS_ACCESS_KEY_ID='a', AWS_SECRET_ACCESS_KEY='b')\n"
        "import engine.s3.wire\n"
        "from engine.s3.endpoint import Endpoint; from engine.s3.profiles import Profile\n"
        "from engine.pace.clock import SystemClock\n"
        f"endpoint = Endpoint(Profile('default', {LOCAL!r}, 'eu-west-1')); endpoint.credentials()\n"
        "engine.s3.wire.Wire(endpoint, SystemClock())\n"
        "print([name for name in sys.modules if name.startswith('boto')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
