"""Profiles and endpoints are chosen, added, changed, tested and taken out; keys stay where AWS tools keep them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from textual import events

from engine import ConnectionTest, LocalRef, Location, ObjectRef, Problem, Profile
from tests.tui import example
from tests.tui.drive import Driver, drawn, engine, main, press, running, text, told, until
from tests.tui.test_settings_screen import configured, content
from tui.configuration import Configuration
from tui.screens.form import FormScreen
from tui.screens.profile_actions import answered, keys_of
from tui.screens.profiles import Entry

LAB = """\
# the lab's own
[endpoints.lab]
url = "https://lab.example.net"   # behind the VPN
read_only = true
"""
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def table(configuration: Configuration) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(content(configuration))["endpoints"]
    return found


async def shows(pilot: Driver, words: str) -> None:
    await until(pilot, lambda: words in text(pilot))


def said(pilot: Driver) -> str:
    """What stands below the lines of the form, unwrapped."""
    region = pilot.app.screen.query_one(".said").region
    lines = [line[region.x : region.right] for line in drawn(pilot)[region.y : region.bottom]]
    return " ".join(" ".join(lines).split())


async def in_form(pilot: Driver) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
    await pilot.pause()


async def test_endpoints_and_profiles_are_listed_with_whose_keys_they_use(tmp_path: Path) -> None:
    async with running(configuration=configured(tmp_path, LAB)) as pilot:
        await press(pilot, "e")
        await shows(pilot, "lab · https://lab.example.net · read-only")
        await shows(pilot, "Endpoints of config.toml")
        assert "prod · eu-west-1" in text(pilot)
        await shows(pilot, "Keys: the AWS profile default (~/.aws/credentials")
        await press(pilot, *"local disk", "enter")
        await until(pilot, lambda: main(pilot).left.location == Location(LocalRef("/home/ann/")))


async def test_enter_shows_the_buckets(tmp_path: Path) -> None:
    async with running(configuration=configured(tmp_path, LAB)) as pilot:
        await press(pilot, "tab", "h", "e")
        await shows(pilot, "Show in this pane")
        await press(pilot, *"prod", "enter")
        await until(
            pilot, lambda: main(pilot).right.location == Location(ObjectRef(""), example.PROD.connection_id)
        )
        assert len(pilot.app.screen_stack) == 2


async def test_an_endpoint_is_added_and_at_hand_at_once(tmp_path: Path) -> None:
    configuration = configured(tmp_path, "workers = 3  # few\n")
    async with running(configuration=configuration) as pilot:
        await press(pilot, "e")
        await shows(pilot, "Add an endpoint")
        await press(pilot, *"add an", "enter")
        await in_form(pilot)
        await press(pilot, *"minio", "tab", *"https://minio.lan:9000", "tab", *"eu", "tab", *"path", "enter")
        await shows(pilot, "minio · https://minio.lan:9000")
        assert table(configuration) == {
            "minio": {"url": "https://minio.lan:9000", "region": "eu", "addressing": "path"}
        }
        assert content(configuration).startswith("workers = 3  # few\n")
        assert any(p.endpoint_url == "https://minio.lan:9000" for p in engine(pilot).profiles())
        await until(pilot, lambda: "Endpoint minio is in config.toml" in told(pilot))


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        (("", "https://x"), "It needs a name"),
        (("x", ""), "It needs a URL"),
        (("x", "ftp://x"), "does not begin with http:// or https://"),
        (("x", f"https://key:{SECRET}@x"), "put credentials into a profile"),
        (("x", "https://x", "", "sideways"), "auto, path or virtual is expected"),
        (("x", "https://x", "", "", "/no/such.pem"), "There is no CA file /no/such.pem"),
        (("x", "https://x", "", "", "", "", "perhaps"), "Read-only: yes or no, not perhaps"),
        (("lab", "https://x"), "there is an endpoint lab already"),
    ],
)
async def test_what_makes_no_sense_is_said_and_not_written(
    tmp_path: Path, typed: tuple[str, ...], complaint: str
) -> None:
    configuration = configured(tmp_path, LAB)
    async with running(configuration=configuration) as pilot:
        await press(pilot, "e")
        await shows(pilot, "Add an endpoint")
        await press(pilot, *"add an", "enter")
        await in_form(pilot)
        for value in typed:
            await pilot.press(*value, "tab")
        await press(pilot, "enter")
        await until(pilot, lambda: complaint in said(pilot))
        assert content(configuration) == LAB


async def test_an_endpoint_is_changed_and_its_comments_stay(tmp_path: Path) -> None:
    configuration = configured(tmp_path, LAB)
    async with running(configuration=configuration) as pilot:
        await press(pilot, "e")
        await shows(pilot, "lab · https")
        await press(pilot, "ctrl+e")
        await in_form(pilot)
        await press(pilot, "tab", *".org", *["tab"] * 5, *["backspace"] * 3, "n", "o", "enter")
        await shows(pilot, "lab · https://lab.example.net.org")
        assert content(configuration) == (
            '# the lab\'s own\n[endpoints.lab]\nurl = "https://lab.example.net.org"  # behind the VPN\n'
        )
        assert "https://lab.example.net ·" not in text(pilot), "the old one is not offered any more"


async def test_an_endpoint_gets_another_name(tmp_path: Path) -> None:
    configuration = configured(tmp_path, LAB)
    async with running(configuration=configuration) as pilot:
        await press(pilot, "e")
        await shows(pilot, "lab · https")
        await press(pilot, "ctrl+e")
        await in_form(pilot)
        await press(pilot, *"oratory", "enter")
        await shows(pilot, "laboratory · https://lab.example.net")
        assert table(configuration) == {"laboratory": {"url": "https://lab.example.net", "read_only": True}}


async def test_an_endpoint_is_taken_out_after_asking(tmp_path: Path) -> None:
    configuration = configured(tmp_path, LAB)
    async with running(configuration=configuration) as pilot:
        await press(pilot, "e")
        await shows(pilot, "lab · https")
        await press(pilot, "ctrl+d")
        await shows(pilot, "Take out the endpoint lab?")
        await press(pilot, "escape")
        await shows(pilot, "lab · https")
        await press(pilot, "ctrl+d")
        await shows(pilot, "Take out the endpoint lab?")
        await press(pilot, "y")
        await until(pilot, lambda: "lab" not in tomllib.loads(content(configuration)).get("endpoints", {}))
        await shows(pilot, "prod · eu-west-1")
        assert "lab · https" not in text(pilot)


async def test_a_profile_of_the_aws_files_is_left_to_the_aws_tools(tmp_path: Path) -> None:
    async with running(configuration=configured(tmp_path, "")) as pilot:
        await press(pilot, "e")
        await shows(pilot, "prod")
        await press(pilot, "ctrl+e")
        await shows(pilot, "change it there (aws configure)")
        assert "Show in this pane" in text(pilot), "it is still to be chosen"


async def test_a_test_is_one_question_and_its_answer_in_words(tmp_path: Path) -> None:
    async with running(configuration=configured(tmp_path, LAB)) as pilot:
        await press(pilot, "e")
        await shows(pilot, "lab · https")
        await press(pilot, "ctrl+t")
        await shows(pilot, "It works: an answer in 84 ms, 3 buckets.")
        asked = [subject for kind, subject in engine(pilot).browser.asked if kind == "test"]
        assert asked == ["default@https://lab.example.net"]


async def test_a_test_that_fails_says_why_and_what_to_do(tmp_path: Path) -> None:
    manager = example.example_manager()
    why = Problem("connect", "the host lab.example.net is not known", "Check the name.", True, "unknown-host")
    manager.browser.values["test"] = why
    async with running(manager, configuration=configured(tmp_path, LAB)) as pilot:
        await press(pilot, "e")
        await shows(pilot, "lab · https")
        await press(pilot, "ctrl+e")
        await in_form(pilot)
        await press(pilot, "ctrl+t")
        words = "It does not work: the host lab.example.net is not known. Check the name."
        await until(pilot, lambda: said(pilot) == words)
        assert isinstance(pilot.app.screen, FormScreen), "what was filled in is still there"


async def test_what_is_only_tried_out_is_not_offered_and_changes_nothing(tmp_path: Path) -> None:
    configuration = configured(tmp_path, LAB)
    async with running(configuration=configuration) as pilot:
        before = {p for p in engine(pilot).profiles() if "lab" not in str(p.connection_id)}
        await press(pilot, "e")
        await shows(pilot, "lab · https")
        await press(pilot, "ctrl+e")
        await in_form(pilot)
        await press(pilot, "tab", *":8443", "ctrl+t")
        await shows(pilot, "It works")
        await press(pilot, "escape")
        await shows(pilot, "lab · https://lab.example.net · read-only")
        assert ":8443" not in text(pilot)
        assert content(configuration) == LAB
        assert before <= set(engine(pilot).profiles())


async def test_without_a_file_profiles_can_be_chosen_and_tested_only() -> None:
    async with running() as pilot:
        await press(pilot, "e")
        await shows(pilot, "prod · eu-west-1")
        assert "Add an endpoint" not in text(pilot) and "Ctrl+E" not in text(pilot)


@pytest.mark.parametrize("size", [(80, 24), (50, 16)])
async def test_the_form_shows_what_is_wrong_in_a_small_terminal_too(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with running(configuration=configured(tmp_path, LAB), size=size) as pilot:
        await press(pilot, "e")
        await shows(pilot, "Show in this pane")
        await press(pilot, *"add an", "enter")
        await in_form(pilot)
        await press(pilot, "enter")
        await shows(pilot, "It needs a name")
        await press(pilot, "up")
        await pilot.pause()
        assert "http accepted" in text(pilot)
        assert max(len(line) for line in drawn(pilot)) <= size[0]


def test_no_secret_is_in_what_is_said_of_keys(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text(
        f"[lab]\naws_access_key_id = AKIA\naws_secret_access_key = {SECRET}\n"
    )
    env = {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"), "AWS_CONFIG_FILE": "/none"}
    said = keys_of(Entry(Profile("lab")), env)
    assert "the AWS profile lab" in said and "None were found" not in said
    assert SECRET not in said and "AKIA" not in said
    assert "None were found" in keys_of(Entry(Profile("other")), env)
    assert "not signed" in keys_of(Entry(Profile("public", unsigned=True)), env)


def test_a_denied_list_of_buckets_is_an_answer_and_a_wrong_clock_is_named() -> None:
    assert "may not be listed, which need not matter" in answered(ConnectionTest(0.1, None))
    assert answered(ConnectionTest(0.1, 1, 300.0)).endswith("1 bucket. Its clock is 5m ahead of ours.")


async def test_what_is_typed_in_one_breath_goes_to_the_lines_it_was_meant_for(tmp_path: Path) -> None:
    async with running(configuration=configured(tmp_path, LAB)) as pilot:
        await press(pilot, "e")
        await shows(pilot, "Add an endpoint")
        await press(pilot, *"add an", "enter")
        await in_form(pilot)
        for key in ("a", "b", "tab", "c", "d", "tab", "e", "up", "f"):
            pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))
        form = pilot.app.screen
        assert isinstance(form, FormScreen)
        await until(pilot, lambda: form.values["url"] == "cdf")
        assert (form.values["name"], form.values["region"]) == ("ab", "e")
