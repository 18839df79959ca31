"""A power cut loses what was not synced, in any combination; what was durable is there afterwards."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.local.fsops import FsOps
from engine.state.journal import JournalStorage, StateDB
from tests.engine.state.builders import ALWAYS_COMPACTING, BY_HAND, rows

Image = dict[str, bytes]


class PowerFs(FsOps):
    """Remembers what of one folder's files and names was synced, and takes pictures of what a cut would leave.

    After every change: all of it, only what was synced, only the names, only the contents, and
    random mixtures. A file that was never synced may be there as an empty one.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.durable_names: dict[str, int] = {}
        """Files by name, as the folder was last synced."""
        self.durable_data: dict[int, bytes] = {}
        """Contents by file, as last synced."""
        self.kept: dict[int, bytes] = {}
        """Contents of every file that had a name, as last seen."""
        self.files: dict[int, int] = {}
        """Numbers of the files by inode: the system gives the inode of a removed file to a new one."""
        self.journal: JournalStorage | None = None
        self.after_sync: Callable[[], None] | None = None
        """Called once, after the next sync of a file: something else happens meanwhile."""
        self.is_failing = False
        """The next sync of a file fails, and what it was to write is lost."""
        self.images: list[tuple[int, Image]] = []
        """What was durable then, and a picture."""
        self.chance = random.Random(seed)

    def _file(self, inode: int, *, is_new: bool = False) -> int:
        if is_new or inode not in self.files:
            self.files[inode] = len(self.kept) + len(self.files) + 1_000_000 * len(self.images) + 1
        return self.files[inode]

    def _now(self) -> dict[str, int]:
        names = {}
        for path in self.folder.iterdir():
            file = self._file(path.stat().st_ino)
            names[path.name] = file
            self.kept[file] = path.read_bytes()
        return names

    def _take_pictures(self) -> None:
        names = self._now()
        durable = self.journal.durable_seq if self.journal is not None else 0
        # Harsher than file systems are: even a rename may be found half done.
        for names_kept in (0.0, 1.0, 0.5, 0.5):
            for data_kept in (0.0, 1.0, 0.5):
                image: Image = {}
                for name in sorted({*names, *self.durable_names}):
                    new = self.chance.random() < names_kept
                    file = (names if new else self.durable_names).get(name)
                    if file is None:
                        continue
                    written = self.kept.get(file, b"")
                    synced = self.durable_data.get(file, b"")
                    image[name] = written if self.chance.random() < data_kept else synced
                self.images.append((durable, image))

    def _after(self, result: Any) -> Any:
        self._take_pictures()
        return result

    def open(self, path: Any, flags: int, mode: int = 0o600, *, dir_fd: int | None = None) -> int:
        is_new = bool(flags & os.O_CREAT) and not (self.folder / str(path)).exists()
        fd = super().open(path, flags, mode, dir_fd=dir_fd)
        if is_new:
            self._file(os.fstat(fd).st_ino, is_new=True)
        return int(self._after(fd)) if flags & os.O_CREAT else fd

    def write(self, fd: int, data: Any) -> int:
        return int(self._after(super().write(fd, data)))

    def pwrite(self, fd: int, data: Any, offset: int) -> None:
        self._after(super().pwrite(fd, data, offset))

    def rename(self, *args: Any, **kwargs: Any) -> None:
        self._after(super().rename(*args, **kwargs))

    def link(self, *args: Any, **kwargs: Any) -> None:
        self._after(super().link(*args, **kwargs))

    def unlink(self, *args: Any, **kwargs: Any) -> None:
        self._after(super().unlink(*args, **kwargs))

    def fsync(self, fd: int) -> None:
        super().fsync(fd)
        if os.fstat(fd).st_ino == self.folder.stat().st_ino:
            self.durable_names = self._now()
        else:
            self.fdatasync(fd)

    def fdatasync(self, fd: int) -> None:
        if self.is_failing:
            self.is_failing = False
            raise OSError(errno.EIO, "Input/output error")
        super().fdatasync(fd)
        with open(f"/dev/fd/{fd}", "rb") as file:
            self.durable_data[self._file(os.fstat(fd).st_ino)] = file.read()
        self._take_pictures()
        if self.after_sync is not None:
            call, self.after_sync = self.after_sync, None
            call()


@pytest.mark.parametrize("seed", range(6))
def test_what_was_durable_is_there_after_a_power_cut(tmp_path: Path, seed: int) -> None:
    folder = tmp_path / "s"
    folder.mkdir(mode=0o700)
    fs = PowerFs(folder, seed)
    states: dict[int, dict[str, Any]] = {0: {}}
    with StateDB(str(folder), fs=fs, rhythm=ALWAYS_COMPACTING) as db:
        journal = fs.journal = db.journal

        def commit(n: int) -> None:
            seq = journal.commit([("t", str(n), f'{{"n":{n}}}'), ("u", "1", f'{{"last":{n}}}')])
            states[seq] = rows(journal)

        for n in range(14):
            commit(n)
            fs.is_failing = n == 8
            if n % 2:
                fs.after_sync = lambda n=n: commit(100 + n)
            for _ in range(n % 5):
                journal.upkeep.work()
    assert len(fs.images) > 500 and max(durable for durable, _ in fs.images) == max(states) > 18
    seen = set()
    copy = tmp_path / "copy"
    copy.mkdir(mode=0o700)
    for durable, image in fs.images:
        key = (durable, tuple(sorted(image.items())))
        if key in seen:
            continue
        seen.add(key)
        for path in copy.iterdir():
            path.unlink()
        for name, data in image.items():
            (copy / name).write_bytes(data)
        with StateDB(str(copy), rhythm=BY_HAND) as db:
            found, notices = rows(db.journal), db.journal.loaded.notices
        allowed = [state for seq, state in states.items() if seq >= durable]
        if found not in allowed:
            # Later lines without earlier ones: nothing durable may be missing, and it is told.
            assert notices, f"{found} after {durable} was durable: {sorted(image)}"
            needed = states[durable].get("t", {})
            missing = {id for id, doc in needed.items() if found.get("t", {}).get(id) != doc}
            assert not missing, f"{sorted(image)} after {durable} was durable"
