"""The state folder: private, refused where it is not, and not believed in what it says of places and servers."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import (
    ConnectionId,
    ItemKind,
    LocalRef,
    ObjectRef,
    OperationId,
    Problem,
    Question,
    TransferId,
    TransferOptions,
    TransferState,
)
from engine.model import Checkpoint, TransferSpec
from engine.state.store import SavedItem, SavedOperation, Store
from tests.security.test_network import trap
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import clean_environment
from tests.tui import nasty

S = TransferState


@pytest.fixture
def s3() -> Iterator[ScriptedS3]:
    with ScriptedS3("b") as server:
        server.put("b", "a", b"evil")
        yield server


class Place:
    """A home, a state folder, and the program in it."""

    def __init__(self, tmp_path: Path, url: str) -> None:
        self.home, self.state = tmp_path / "home", tmp_path / "state"
        self.home.mkdir()
        (self.home / "file").write_text("x")
        self.env = {
            **clean_environment(self.home),
            "AWS_ACCESS_KEY_ID": "AK",
            "AWS_SECRET_ACCESS_KEY": "secretsecret",
            "AWS_ENDPOINT_URL": url,
            "S3TUI_STATE_DIR": str(self.state),
        }

    def run(self, *words: str, umask: int = 0o022) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tui", *words],
            env=self.env,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            umask=umask,
        )

    def plant(self, *items: SavedItem) -> None:
        """What somebody wrote into the saved queue."""
        store = Store.open(str(self.state))
        store.add(SavedOperation(OperationId(1), "planted", 0.0, None, planned=True), items)
        store.close(5)


@pytest.fixture
def place(tmp_path: Path, s3: ScriptedS3) -> Place:
    return Place(tmp_path, s3.url)


def modes(folder: Path) -> dict[str, int]:
    """Of all below a folder."""
    return {str(p.relative_to(folder)): stat.S_IMODE(p.lstat().st_mode) for p in folder.rglob("*")}


# -- private -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_folder_queue_and_log_are_their_owners_alone_whatever_the_umask(place: Place, umask: int) -> None:
    assert place.run("cp", "file", "s3://b/x", umask=umask).returncode == 0
    assert stat.S_IMODE(place.state.stat().st_mode) == 0o700
    found = modes(place.state)
    assert {"lock", "s3tui.log"} <= set(found)
    assert set(found.values()) == {0o600}


@pytest.mark.parametrize("kind", ["link", "writable-by-group", "writable-by-all", "file"])
def test_a_folder_that_others_could_reach_is_refused_and_nothing_is_written_into_it(
    place: Place, tmp_path: Path, s3: ScriptedS3, kind: str
) -> None:
    real = tmp_path / "real"
    real.mkdir(mode=0o700)
    (real / "other").write_text("of somebody's")
    if kind == "link":
        place.state.symlink_to(real)
    elif kind == "file":
        place.state.write_text("")
    else:
        real.rename(place.state)
        place.state.chmod(0o770 if kind == "writable-by-group" else 0o777)
    before = modes(tmp_path)
    for words in (("cp", "file", "s3://b/x"), ("run",)):
        ran = place.run(*words)
        assert ran.returncode == 1
        assert f"the state folder {place.state}" in ran.stderr
        assert "Traceback" not in ran.stderr
    after = modes(tmp_path)
    assert {path for path in after if path not in before and not path.startswith("home")} == set()
    assert s3.connections == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_somebody_elses_folder_is_refused(place: Place) -> None:
    place.state.mkdir(mode=0o700)
    os.chown(place.state, 12345, -1)
    ran = place.run("run")
    assert ran.returncode == 1
    assert "belongs to somebody else (user 12345)" in ran.stderr
    assert list(place.state.iterdir()) == []


def test_an_empty_folder_that_was_made_for_it_is_closed_to_others_and_used(place: Place) -> None:
    place.state.mkdir(mode=0o755)
    place.state.chmod(0o755)
    assert place.run("cp", "file", "s3://b/x").returncode == 0
    assert stat.S_IMODE(place.state.stat().st_mode) == 0o700
    place.state.chmod(0o750)
    assert place.run("run").returncode == 0
    assert stat.S_IMODE(place.state.stat().st_mode) == 0o700


@pytest.mark.parametrize("kind", ["symlink", "hard link", "fifo"])
def test_a_log_that_somebody_planted_is_not_written_to(place: Place, tmp_path: Path, kind: str) -> None:
    victim = tmp_path / "bashrc"
    victim.write_text("precious\n")
    log = tmp_path / "logs" / "s3tui.log"
    log.parent.mkdir()
    if kind == "symlink":
        log.symlink_to(victim)
    elif kind == "hard link":
        log.hardlink_to(victim)
    else:
        os.mkfifo(log)
    assert place.run("cp", "file", "s3://b/x", "--log-file", str(log)).returncode == 0
    assert victim.read_text() == "precious\n"


# -- not believed ------------------------------------------------------------------------------------


def item(
    id: int,
    source: LocalRef | ObjectRef,
    target: LocalRef | ObjectRef,
    connection: str,
    *,
    root: str = "",
    checkpoint: Checkpoint | None = None,
    **more: object,
) -> SavedItem:
    kind = ItemKind.UPLOAD if isinstance(source, LocalRef) else ItemKind.DOWNLOAD
    spec = TransferSpec(
        kind, source, target, ConnectionId(connection), TransferOptions(), size=4, root=root or None
    )
    state = more.pop("state", S.QUEUED)
    return SavedItem(
        TransferId(id),
        OperationId(1),
        spec,
        id,
        state,  # type: ignore[arg-type]
        checkpoint or Checkpoint(),
        **more,  # type: ignore[arg-type]
    )


def test_a_planted_queue_sends_no_signed_request_elsewhere(place: Place, s3: ScriptedS3) -> None:
    with trap() as (elsewhere, got):
        source, target = LocalRef(str(place.home / "file")), ObjectRef("b", "x")
        places = [
            f"default@{elsewhere}",
            f"default@{elsewhere}/{s3.url}",
            f"default@{s3.url}@{elsewhere.removeprefix('http://')}",
            f"default@{s3.url.replace('http', 'https')}",
            "default@aws",
            "",
            elsewhere,
        ]
        place.plant(*(item(2 + n, source, target, where) for n, where in enumerate(places)))
        ran = place.run("run", "--wait-for", "1s")
        assert ran.returncode == 1
        assert got == []
        assert s3.connections == 0
        assert ran.stderr.count("start with --profile") + ran.stderr.count("not done") >= len(places) - 1


def test_a_planted_queue_cannot_accept_an_unencrypted_endpoint(place: Place, s3: ScriptedS3) -> None:
    exposed = s3.url.replace("127.0.0.1", "0.0.0.0")
    place.env["AWS_ENDPOINT_URL"] = exposed
    place.plant(item(2, LocalRef(str(place.home / "file")), ObjectRef("b", "x"), f"default@{exposed}"))
    (place.state / "http-accepted").write_text(f"{exposed}\n")
    (place.state / "config.toml").write_text("allow_http = true\n")
    ran = place.run("run")
    assert ran.returncode == 1
    assert s3.connections == 0


@pytest.mark.parametrize(
    "path",
    [
        "{outside}/file",
        "{root}/../outside/file",
        "{root}/./../outside/file",
        "{root}//file",
        "{root}/link/file",
        "relative/file",
        "{root}",
    ],
)
def test_a_planted_target_outside_its_folder_is_refused(
    place: Place, s3: ScriptedS3, tmp_path: Path, path: str
) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "file").write_text("precious")
    (root / "link").symlink_to(outside)
    target = path.format(root=root, outside=outside)
    place.plant(
        item(2, ObjectRef("b", "a"), LocalRef(target), f"default@{s3.url}", root=str(root)),
        item(
            3,
            ObjectRef("b", "a"),
            LocalRef(str(root / "good")),
            f"default@{s3.url}",
            root=str(root),
            checkpoint=Checkpoint(target=target),
        ),
    )
    ran = place.run("run")
    assert ran.returncode in (0, 1), ran.stderr
    assert "Traceback" not in ran.stderr
    assert {p.name: p.read_text() for p in outside.iterdir()} == {"file": "precious"}
    assert not (place.home / "relative").exists()


def test_a_planted_debt_unlinks_nothing_that_is_no_part_file_of_ours(
    place: Place, tmp_path: Path, s3: ScriptedS3
) -> None:
    victims = [tmp_path / "home" / "file", tmp_path / ".x.part", tmp_path / "y.part"]
    for victim in victims[1:]:
        victim.write_text("precious")
    store = Store.open(str(place.state))
    for victim in victims:
        inode = victim.stat().st_ino if victim.name != ".x.part" else 1
        store.owe("unlink", None, str(victim), str(inode))
    store.close(5)
    place.run("run")
    assert all(victim.exists() for victim in victims)


def test_what_a_planted_queue_says_is_harmless_on_a_terminal(place: Place, s3: ScriptedS3) -> None:
    items = []
    for n, name in enumerate(nasty.ALL):
        problem = Problem(name, name, name, True, "access-denied", name)
        ref = ObjectRef("b" + name, name)
        items.append(item(2 + n, ref, LocalRef(f"/nowhere/{n}"), name, state=S.FAILED, problem=problem))
        question = Question("target-exists", name, (name, "skip"))
        items.append(
            item(1000 + n, ref, LocalRef(f"/nowhere/{n}"), name, state=S.ATTENTION, question=question)
        )
    place.plant(*items)
    for words in (("status",), ("status", "--all"), ("status", "--json"), ("run",)):
        ran = place.run(*words)
        raw = (ran.stdout + ran.stderr).replace("\n", "")
        assert all(char.isprintable() for char in raw), [c for c in raw if not c.isprintable()][:5]
        assert "Traceback" not in raw
