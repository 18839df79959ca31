"""One owner, in a private folder."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine.errors import StateLocked, StateUnsafe
from engine.local.fsops import FsOps
from engine.state.lock import StateLock, current_owner, open_state_dir
from engine.state.store import Store, read_state
from tests.engine.local.faults import open_descriptors
from tests.engine.state.builders import FullDisk

ROOT = Path(__file__).parents[3]
HOLDER = """
import sys
from engine.state.store import Store
store = Store.open(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
store.close()
"""


@pytest.mark.fault(44)
def test_a_second_process_is_told_who_owns_the_queue(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "state")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(StateLocked) as caught:
            Store.open(str(tmp_path / "state"))
        assert (caught.value.host, caught.value.pid) == (socket.gethostname(), process.pid)
        assert read_state(str(tmp_path / "state")).owner == (socket.gethostname(), process.pid)
    finally:
        process.stdin.close()
        process.stdout.close()
        assert process.wait(30) == 0
    assert read_state(str(tmp_path / "state")).owner is None
    Store.open(str(tmp_path / "state")).close()


def test_the_same_process_cannot_open_it_twice(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    descriptors = open_descriptors()
    with pytest.raises(StateLocked) as caught:
        Store.open(str(tmp_path))
    assert caught.value.pid == os.getpid()
    assert open_descriptors() == descriptors
    store.close()
    store.close()
    Store.open(str(tmp_path)).close()


def test_readers_who_ask_for_the_owner_do_not_keep_one_out(tmp_path: Path) -> None:
    fs = FsOps()
    dir_fd = open_state_dir(str(tmp_path), fs)
    lock = StateLock(str(tmp_path), dir_fd, fs)
    lock.take()
    lock.release()
    reader = os.open(tmp_path / "lock", os.O_RDONLY)
    fcntl.flock(reader, fcntl.LOCK_SH)
    timer = threading.Timer(0.03, os.close, (reader,))
    timer.start()
    lock.take()
    assert current_owner(dir_fd, fs) == (socket.gethostname(), os.getpid())
    lock.release()
    assert current_owner(dir_fd, fs) is None
    timer.join()
    os.close(dir_fd)


def test_a_full_disk_does_not_keep_the_lock_from_being_taken(tmp_path: Path) -> None:
    Store.open(str(tmp_path)).close()
    store = Store.open(str(tmp_path), fs=FullDisk(room=0))
    with pytest.raises(StateLocked):
        Store.open(str(tmp_path))
    store.close()


@pytest.mark.parametrize("note", [b"", b"{", b"[" * 300, b'{"host":1}', b'{"host":"x","pid":"y"}', b"\xff"])
def test_a_lock_file_with_nonsense_in_it_does_no_harm(tmp_path: Path, note: bytes) -> None:
    (tmp_path / "lock").write_bytes(note)
    fd = os.open(tmp_path / "lock", os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    with pytest.raises(StateLocked) as caught:
        Store.open(str(tmp_path))
    assert caught.value.pid == 0
    os.close(fd)


def test_folder_and_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        store = Store.open(str(tmp_path / "a" / "b"))
        store.set_held(True)
        store._journal.request_snapshot()
        store.close()
    finally:
        os.umask(old)
    folder = tmp_path / "a" / "b"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o707, 0o755, 0o711])
def test_a_folder_with_other_things_that_is_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    folder.chmod(mode)
    with pytest.raises(StateUnsafe, match="chmod 700"):
        Store.open(str(folder))
    assert folder.stat().st_mode & 0o777 == mode and sorted(os.listdir(folder)) == ["notes.txt"]


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o755])
def test_an_empty_folder_of_ours_is_closed_to_others(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    folder.chmod(mode)
    Store.open(str(folder)).close()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_queue_into_which_others_could_write_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    Store.open(str(folder)).close()
    folder.chmod(0o755)
    Store.open(str(folder)).close()
    assert folder.stat().st_mode & 0o777 == 0o700, "others could only look at it"
    folder.chmod(0o770)
    with pytest.raises(StateUnsafe):
        Store.open(str(folder))


def test_a_link_or_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "file").write_text("x")
    for name in ("link", "dangling", "file"):
        with pytest.raises(StateUnsafe):
            Store.open(str(tmp_path / name))
    assert os.listdir(tmp_path / "real") == [] and not (tmp_path / "nowhere").exists()


def test_somebody_elses_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    with pytest.raises(StateUnsafe, match="belongs to somebody else"):
        Store.open(str(tmp_path))


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir(mode=0o700)
    (tmp_path / "s" / "lock").symlink_to(tmp_path / "victim")
    with pytest.raises(StateUnsafe):
        Store.open(str(tmp_path / "s"))
    assert not (tmp_path / "victim").exists()
