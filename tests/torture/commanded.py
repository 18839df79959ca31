"""A user of the engine in a process of its own, who says aloud what is asked for and what was acknowledged.

python -m tests.torture.commanded STATE_DIR SEED SOURCE TARGET MOVE    queue it, and give commands at random meanwhile
python -m tests.torture.commanded STATE_DIR finish                     let everything go on, to the end

Prints ``ask COMMAND SOURCE`` before a command and ``ack COMMAND SOURCE`` once the queue says that it is saved, ``end``
when nothing moves any more, and how many threads and descriptors are left over after the engine is closed.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
import threading

from engine import (
    ConflictPolicy,
    Connections,
    EngineConfig,
    LocalRef,
    ObjectRef,
    Profile,
    TransferManager,
    TransferOptions,
    TransferRequest,
    TransferSnapshot,
    TransferState,
)
from tests.torture.world import PART_SIZE, RATE, WORKERS

S = TransferState
COMMANDS = 12
_MANY = 100_000


def say(*words: str) -> None:
    print(*words, flush=True)


class User:
    """Gives commands, and waits for each to be saved."""

    def __init__(self, state_dir: str, seed: int) -> None:
        profile = Profile("default", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region="us-east-1")
        self.connection = profile.connection_id
        config = EngineConfig(state_dir, workers=WORKERS, upload_limit=RATE, download_limit=RATE)
        self.manager = TransferManager(config, Connections([profile]))
        self.rng = random.Random(seed)

    def rows(self) -> tuple[TransferSnapshot, ...]:
        return self.manager.snapshot(0, _MANY).rows

    def submit(self, source: str, target: str, move: bool) -> None:
        say("ask", "submit")
        options = TransferOptions(on_conflict=ConflictPolicy.OVERWRITE, part_size=PART_SIZE, move=move)
        self.operation = self.manager.submit(
            TransferRequest((_place(source),), _place(target), self.connection, options)
        )
        # An operation that is not yet planned is on record when `submit` returns; a kill forgets nothing of it.
        say("ack", "submit")
        while self.planning():
            self.manager.wait(0.05)
        say("ack", "planned")

    def planning(self) -> bool:
        """Something of it is not yet planned, or not yet saved for good."""
        progress = self.manager.operation(self.operation)
        return progress is None or progress.planning or any(row.saving for row in self.rows())

    def command(self) -> None:
        """One command on one unfinished item, or on the queue."""
        rows = [row for row in self.rows() if not row.state.is_final]
        if not rows:
            return
        row = self.rng.choice(rows)
        name = self.rng.choice(("pause", "pause", "resume", "resume", "cancel", "top", "hold", "release"))
        if name == "cancel" and self.rng.random() < 0.5:
            name = "pause"
        say("ask", name, row.source)
        if name == "hold":
            self.manager.pause_all()
        elif name == "release":
            self.manager.resume_all()
        elif name == "top":
            self.manager.move_to_top(row.id)
        else:
            getattr(self.manager, name)(row.id)
        if self._is_saved(row, name):
            say("ack", name, row.source)

    def _is_saved(self, row: TransferSnapshot, name: str) -> bool:
        """Wait until the row has no unsaved command and shows what was asked for; false if it does not in time.

        An item in its last step shows neither until that is over: until then nobody was told that it is so.
        """
        for _ in range(50):
            found = next((now for now in self.rows() if now.id == row.id), None)
            if found is None or (not found.saving and _shows(found.state, name)):
                return True
            self.manager.wait(0.02)
        return False

    def play(self) -> None:
        for _ in range(COMMANDS):
            self.manager.wait(self.rng.uniform(0.0, 0.1))
            self.command()

    def finish(self) -> None:
        """Let everything go on that may, to the end."""
        self.manager.resume_all()
        while True:
            for row in self.rows():
                if row.state is S.PAUSED:
                    say("ask", "resume", row.source)
                    self.manager.resume(row.id)
            if self.manager.is_settled and not any(row.state is S.PAUSED for row in self.rows()):
                break
            self.manager.wait(0.2)
        while not self.manager.is_tidy:
            self.manager.wait(0.2)
        for row in self.rows():
            if not row.state.is_final:
                say("left", row.state.value, row.source, str(row.problem or row.question))


def _shows(state: TransferState, name: str) -> bool:
    match name:
        case "pause":
            return state is S.PAUSED or state.is_final
        case "cancel":
            return state.is_final
        case _:
            return True


def _place(text: str) -> LocalRef | ObjectRef:
    if text.startswith("s3://"):
        bucket, _, key = text[5:].partition("/")
        return ObjectRef(bucket, key)
    return LocalRef(text)


def main(words: list[str]) -> None:
    before = _held()
    user = User(words[0], 0 if words[1] == "finish" else int(words[1]))
    user.manager.start()
    if words[1] == "finish":
        user.finish()
    else:
        user.submit(words[2], words[3], words[4] == "True")
        user.play()
        user.finish()
    say("end")
    user.manager.close()
    say("left-over", *sorted(_held() - before))


def _held() -> set[str]:
    """What the process holds: threads by name, descriptors by what they lead to."""
    held = {f"thread:{thread.name}" for thread in threading.enumerate()}
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the one by which the list was read
            held.add(f"{number}:{os.readlink(f'/proc/self/fd/{number}')}")
    return held


if __name__ == "__main__":
    main(sys.argv[1:])
