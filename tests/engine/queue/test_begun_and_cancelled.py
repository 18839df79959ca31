"""An upload that was being begun when its item was cancelled is gone in the end, whatever happens meanwhile."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine import ConnectionId, TransferState
from engine.model import ObjectRef
from engine.queue import debts as debts_module
from tests.engine.queue.items import upload
from tests.engine.queue.quiet import quiet_at
from tests.engine.queue.real import MIB, running, write
from tests.servers.faults import NoReply, Rule
from tests.servers.proxy import FaultProxy
from tests.servers.seaweed import Seaweed

S = TransferState


def test_it_is_aborted_by_the_next_process_where_the_answer_was_lost(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    """Cancelled while the server began it, and killed before it said what the upload is called."""
    client, killed = seaweed.client(), tmp_path / "killed"
    with FaultProxy(seaweed.url) as proxy:
        lost = proxy.add(Rule(NoReply("stall"), method="POST", query="uploads"))
        with running(seaweed, tmp_path / "state", url=proxy.url) as engine:
            engine.copy(write(tmp_path / "big", 20 * MIB), f"s3://{bucket}/big")
            proxy.wait_until(lambda: lost.fired > 0)
            engine.until(lambda: client.list_multipart_uploads(Bucket=bucket).get("Uploads"))
            engine.manager.cancel(engine.row("big").id)
            engine.until(lambda: engine.state("big") is S.CANCELLED and not engine.row("big").saving)
            shutil.copytree(tmp_path / "state", killed)
            proxy.remove_all()
            with running(seaweed, killed, url=proxy.url) as after:
                after.until(lambda: after.manager.is_tidy)
                assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)
                assert after.manager.snapshot().total == 0
            proxy.cut()


class Server:
    """As a `Connection`: one empty upload of the key, begun at some time."""

    def __init__(self, initiated: float) -> None:
        self.control, self.initiated = self, initiated
        self.aborted: list[str] = []

    def list_uploads(self, bucket: str, prefix: str) -> list[object]:
        from engine.s3.facts import OpenUpload

        return [OpenUpload(prefix, "unknown", self.initiated)]

    def list_parts(self, ref: ObjectRef, upload_id: str, **options: object) -> list[object]:
        return []

    def abort_multipart(self, ref: ObjectRef, upload_id: str, **options: object) -> None:
        self.aborted.append(upload_id)


@pytest.mark.parametrize(
    ("initiated", "is_wanted", "aborted", "left"),
    [
        (1_000.0, False, ["unknown"], 0),  # Ours.
        (990.0, False, [], 0),  # Older than the intent.
        (90_000.0, False, [], 0),  # Of another program, days later.
        (1_000.0, True, [], 1),  # Perhaps of the item that goes there now.
    ],
)
def test_only_what_is_surely_ours_is_aborted(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    initiated: float,
    is_wanted: bool,
    aborted: list[str],
    left: int,
) -> None:
    server = Server(initiated)
    with quiet_at(tmp_path / "state") as queue:
        monkeypatch.setattr(queue.core.connections, "get", lambda connection: server)
        monkeypatch.setattr(debts_module, "make_job", queue.job)
        spec = upload("a", 100 * MIB)
        if is_wanted:
            queue.add(spec)
            queue.core.scheduler.held = True
        assert isinstance(spec.target, ObjectRef)
        subject = f"{spec.target.bucket}/{spec.target.key}"
        debt = queue.core.store.owe("begun", ConnectionId("default@x"), subject, "1000.0")
        queue.manager._debts.pay(debt)
        assert server.aborted == aborted
        assert len(queue.core.store.owed()) == left


def test_a_record_that_nobody_of_us_has_written_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(1_000.0)
    with quiet_at(tmp_path / "state") as queue:
        monkeypatch.setattr(queue.core.connections, "get", lambda connection: server)
        for detail in ("", "nan", "some day"):
            queue.manager._debts.pay(queue.core.store.owe("begun", ConnectionId("default@x"), "b/k", detail))
        assert queue.core.store.owed() == [] and server.aborted == []
