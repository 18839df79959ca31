"""The command line as people run it: a process of its own, on the real server."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import (
    ConflictPolicy,
    ConnectionId,
    ItemKind,
    LocalRef,
    ObjectRef,
    OperationId,
    TransferId,
    TransferOptions,
    TransferState,
)
from engine.model import Checkpoint, TransferSpec
from engine.state.store import SavedItem, SavedOperation, Store
from tests.servers.seaweed import SECRET_KEY, Seaweed, clean_environment
from tests.tui.terminal import on_a_terminal

MIB = 1024 * 1024
Ran = subprocess.CompletedProcess[str]
S3tui = Callable[..., Ran]


@pytest.fixture
def env(seaweed: Seaweed, tmp_path: Path) -> dict[str, str]:
    """The environment of a command: the server, and a state of this test alone."""
    return {**seaweed.env(tmp_path / "home"), "S3TUI_STATE_DIR": str(tmp_path / "state")}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Where commands are run."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def s3tui(env: dict[str, str], work: Path) -> S3tui:
    """Run a command to its end."""

    def run(*words: str, **more: str) -> Ran:
        return subprocess.run(
            [sys.executable, "-m", "tui", *words],
            env={**env, **more},
            cwd=work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
        )

    return run


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write(path: Path, size: int, seed: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(random.Random(seed).randbytes(size))
    return path


def tree(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): sha256(p) for p in sorted(folder.rglob("*")) if p.is_file()}


# -- cp --------------------------------------------------------------------------------------------


def test_a_big_file_goes_up_and_comes_back_the_same(s3tui: S3tui, work: Path, bucket: str) -> None:
    big = write(work / "big.bin", 50 * MIB + 17)
    up = s3tui("cp", "big.bin", f"s3://{bucket}/backups/")
    assert (up.returncode, up.stderr) == (0, "")
    assert up.stdout == f"done   50.0 MiB  crc   {big} -> s3://{bucket}/backups/big.bin\n"
    down = s3tui("cp", f"s3://{bucket}/backups/big.bin", "copy.bin")
    assert (down.returncode, down.stderr) == (0, "")
    assert sha256(work / "copy.bin") == sha256(big)


def test_a_tree_goes_up_across_and_down_the_same(s3tui: S3tui, work: Path, bucket: str) -> None:
    sizes = {"empty": 0, "a.txt": 3, "sub/deep/ü 漢.bin": 70_000, "sub/[bold]x": 9, "big": 9 * MIB}
    for seed, (name, size) in enumerate(sizes.items()):
        write(work / "src" / name, size, seed)
    assert s3tui("cp", "src", f"s3://{bucket}/one/").returncode == 0
    across = s3tui("cp", f"s3://{bucket}/one/", f"s3://{bucket}/two/")
    assert (across.returncode, across.stderr, len(across.stdout.splitlines())) == (0, "", 5)
    assert s3tui("cp", f"s3://{bucket}/two/", "back").returncode == 0
    assert tree(work / "back") == tree(work / "src")


def test_doing_it_again_moves_nothing(s3tui: S3tui, work: Path, bucket: str) -> None:
    write(work / "a.bin", 9 * MIB)
    assert s3tui("cp", "a.bin", f"s3://{bucket}/").returncode == 0
    again = s3tui("cp", "a.bin", f"s3://{bucket}/")
    assert again.returncode == 0
    assert again.stdout.startswith("same    9.0 MiB  crc ")


def test_a_dry_run_says_all_and_does_nothing(s3tui: S3tui, work: Path, bucket: str, seaweed: Seaweed) -> None:
    write(work / "src/a.txt", 2048)
    said = s3tui("cp", "--dry-run", "src", f"s3://{bucket}/x/")
    assert said.returncode == 0
    assert said.stdout == (
        f"would upload      2.0 KiB  {work}/src/a.txt -> s3://{bucket}/x/a.txt\n"
        "1 item, 2 KiB; nothing was moved\n"
    )
    assert seaweed.client().list_objects_v2(Bucket=bucket).get("KeyCount") == 0
    assert s3tui("status").stdout == "nothing is queued\n"


def test_what_fails_is_named_and_the_rest_is_done(
    s3tui: S3tui, work: Path, bucket: str, seaweed: Seaweed
) -> None:
    write(work / "src/good.txt", 10)
    os.symlink("/nowhere", work / "src/dangling")
    ran = s3tui("cp", "src", f"s3://{bucket}/")
    assert ran.returncode == 1
    assert "good.txt" in ran.stdout
    assert f"not done (failed): {work}/src/dangling" in ran.stderr
    assert ran.stderr.count("\n") == 1
    listed = seaweed.client().list_objects_v2(Bucket=bucket)["Contents"]
    assert [entry["Key"] for entry in listed] == ["good.txt"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("cp", "nothing-here", "s3://{}/"), 2, "nothing-here does not exist"),
        (("cp", "s3://{}/none", "x"), 2, "does not exist"),
        (("cp", "s3://{}/folder", "x"), 2, "end it in / to mean those"),
        (("cp", "s3://no-such-bucket-here/k", "x"), 1, "bucket does not exist"),
        (("cp", "--read-only", "a.txt", "s3://{}/"), 2, "read-only"),
        (("verify", "a.txt", "s3://no-such-bucket-here/k"), 1, "missing"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(
    words: tuple[str, ...], code: int, said: str, s3tui: S3tui, work: Path, bucket: str, seaweed: Seaweed
) -> None:
    write(work / "a.txt", 1)
    seaweed.client().put_object(Bucket=bucket, Key="folder/x", Body=b"x")
    ran = s3tui(*(word.format(bucket) for word in words))
    assert ran.returncode == code, ran.stderr
    assert said in ran.stderr + ran.stdout
    assert "Traceback" not in ran.stderr


def test_wrong_keys_are_told_and_not_shown(s3tui: S3tui, work: Path, bucket: str) -> None:
    write(work / "a.txt", 1)
    ran = s3tui("cp", "a.txt", f"s3://{bucket}/", AWS_SECRET_ACCESS_KEY="wrong-canary-77")
    assert ran.returncode == 1
    assert "signature does not match" in ran.stderr
    assert "canary" not in ran.stderr + ran.stdout


def test_no_credentials_at_all_are_told(s3tui: S3tui, work: Path, bucket: str) -> None:
    write(work / "a.txt", 1)
    ran = s3tui("cp", "a.txt", f"s3://{bucket}/", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert ran.returncode == 1
    assert "no credentials were found" in ran.stderr
    assert "--no-sign-request" in ran.stderr


def test_an_endpoint_that_is_not_there_is_waited_for_and_then_named(s3tui: S3tui, work: Path) -> None:
    write(work / "a.txt", 1)
    line = ("cp", "a.txt", "s3://b/", "--wait-for", "1s", "--endpoint-url", "http://127.0.0.1:9")
    ran = s3tui(*line)
    assert ran.returncode == 1
    first, last = ran.stderr.splitlines()
    assert first.startswith("s3tui: waiting for 1s at most: ")
    assert "connection refused" in last
    assert last.endswith("Run the same command again when that is over.")


def test_an_item_that_asks_waits_for_its_answer_and_another_run_gives_it(
    s3tui: S3tui, work: Path, bucket: str
) -> None:
    write(work / "a.txt", 10, 1)
    assert s3tui("cp", "a.txt", f"s3://{bucket}/").returncode == 0
    write(work / "a.txt", 11, 2)
    asks = s3tui("cp", "--on-conflict", "ask", "a.txt", f"s3://{bucket}/")
    assert asks.returncode == 1
    assert "the target already exists" in asks.stderr
    saved = json.loads(s3tui("status", "--json").stdout)["transfers"]
    assert [item["state"] for item in saved] == ["attention"]
    assert s3tui("run").returncode == 1
    assert s3tui("cp", "a.txt", f"s3://{bucket}/").returncode == 0
    assert s3tui("status").stdout == "nothing is queued\n"


# -- interruptions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_it_within_two_seconds_and_another_run_goes_on(
    number: signal.Signals, code: int, s3tui: S3tui, env: dict[str, str], work: Path, bucket: str
) -> None:
    big = write(work / "big.bin", 40 * MIB)
    words = ["cp", "--workers", "2", "--rate-limit", "10M", "big.bin", f"s3://{bucket}/"]
    process = subprocess.Popen(
        [sys.executable, "-m", "tui", *words], env=env, cwd=work, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: confirmed(s3tui) > 0)
    began = time.monotonic()
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == code
    assert time.monotonic() - began < 2.5
    assert said.startswith("s3tui: interrupted; 1 item left, nothing is lost")
    before = confirmed(s3tui)
    assert before >= 8 * MIB
    assert s3tui("run").returncode == 0
    assert s3tui("verify", "big.bin", f"s3://{bucket}/").returncode == 0
    assert s3tui("cp", f"s3://{bucket}/big.bin", "back.bin").returncode == 0
    assert sha256(work / "back.bin") == sha256(big)


def wait_until(fact: Callable[[], bool], timeout: float = 30.0) -> None:
    end = time.monotonic() + timeout
    while not fact():
        assert time.monotonic() < end


def confirmed(s3tui: S3tui) -> int:
    items = json.loads(s3tui("status", "--json").stdout)["transfers"]
    return sum(item["bytes_done"] for item in items)


@pytest.mark.fault(44)
def test_a_second_process_is_told_who_has_the_queue(
    s3tui: S3tui, env: dict[str, str], work: Path, bucket: str
) -> None:
    write(work / "big.bin", 20 * MIB)
    write(work / "a.txt", 1)
    words = ["cp", "--rate-limit", "2M", "big.bin", f"s3://{bucket}/"]
    first = subprocess.Popen([sys.executable, "-m", "tui", *words], env=env, cwd=work, stderr=subprocess.PIPE)
    try:
        wait_until(lambda: "in use by process" in s3tui("status").stdout)
        for command in (("cp", "a.txt", f"s3://{bucket}/"), ("run",)):
            second = s3tui(*command)
            assert second.returncode == 3
            assert f"in use by process {first.pid} on " in second.stderr
            assert second.stderr.count("\n") == 1
    finally:
        first.terminate()
        first.communicate(timeout=20)
    assert first.returncode == 143


# -- run -----------------------------------------------------------------------------------------------


def save(
    state_dir: Path, connection: str, *items: tuple[Path, str, TransferState], held: bool = False
) -> None:
    """Queue these as an earlier process would have left them."""
    store = Store.open(str(state_dir))
    operation = OperationId(store.new_ids(1)[0])
    store.add(SavedOperation(operation, "earlier", 0.0, None, True), [])
    for rank, (source, target, state) in enumerate(items):
        bucket, _, key = target.partition("/")
        spec = TransferSpec(
            ItemKind.UPLOAD,
            LocalRef(str(source)),
            ObjectRef(bucket, key),
            ConnectionId(connection),
            TransferOptions(on_conflict=ConflictPolicy.OVERWRITE),
            source.stat().st_size,
        )
        id = TransferId(store.new_ids(1)[0])
        store.save(SavedItem(id, operation, spec, rank, state, Checkpoint()))
    store.set_held(held)
    store.close()


def test_run_moves_what_may_run_and_leaves_what_is_paused(
    s3tui: S3tui, work: Path, tmp_path: Path, bucket: str, seaweed: Seaweed
) -> None:
    first, second = write(work / "first", 10), write(work / "second", 10)
    save(
        tmp_path / "state",
        f"default@{seaweed.url}",
        (first, f"{bucket}/first", TransferState.PAUSED),
        (second, f"{bucket}/second", TransferState.QUEUED),
    )
    ran = s3tui("run")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [line.split()[0] for line in ran.stdout.splitlines()] == ["done", "paused"]
    assert "paused" in s3tui("status").stdout


def test_run_leaves_a_queue_alone_that_is_paused_as_a_whole(
    s3tui: S3tui, work: Path, tmp_path: Path, bucket: str, seaweed: Seaweed
) -> None:
    first = write(work / "first", 10)
    save(
        tmp_path / "state",
        f"default@{seaweed.url}",
        (first, f"{bucket}/first", TransferState.QUEUED),
        held=True,
    )
    ran = s3tui("run")
    assert (ran.returncode, ran.stdout.split()[0]) == (0, "paused")
    assert "paused as a whole" in ran.stderr


def test_run_names_the_profile_that_an_item_was_queued_for(
    s3tui: S3tui, work: Path, tmp_path: Path, bucket: str
) -> None:
    first = write(work / "first", 10)
    save(tmp_path / "state", "prod@https://far.example", (first, f"{bucket}/first", TransferState.QUEUED))
    ran = s3tui("run")
    assert ran.returncode == 1
    assert "prod@https://far.example" in ran.stderr
    assert "--endpoint-url" in ran.stderr


# -- status --------------------------------------------------------------------------------------------

FIELDS = [
    *("id", "operation", "direction", "source", "target", "state", "outcome", "bytes_done", "size"),
    *("parts_done", "parts", "verified", "problem"),
]


def test_status_prints_json_just_as_promised(s3tui: S3tui, work: Path, bucket: str) -> None:
    write(work / "src/a.txt", 10)
    os.symlink("/nowhere", work / "src/dangling")
    assert s3tui("cp", "src", f"s3://{bucket}/").returncode == 1
    now = json.loads(s3tui("status", "--json").stdout)
    ever = json.loads(s3tui("status", "--json", "--all").stdout)
    assert list(now) == list(ever) == ["transfers", "to_plan"]
    assert [list(item) for item in ever["transfers"]] == [FIELDS, FIELDS]
    (failed,), done = now["transfers"], ever["transfers"][1]
    assert (failed["state"], failed["verified"], failed["outcome"]) == ("failed", None, None)
    assert list(failed["problem"]) == ["what", "why", "what_now", "retryable"]
    assert (done["state"], done["verified"], done["outcome"]) == ("done", "crc", "transferred")
    assert (done["direction"], done["size"], done["bytes_done"]) == ("upload", 10, 10)
    assert done["problem"] is None


def test_status_changes_nothing_not_even_an_empty_folder(s3tui: S3tui, tmp_path: Path) -> None:
    ran = s3tui("status", AWS_PROFILE="nobody")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "nothing is queued\n", "")
    assert json.loads(s3tui("status", "--json").stdout) == {"transfers": [], "to_plan": []}
    assert not (tmp_path / "state").exists()


@pytest.mark.fault(43)
def test_a_damaged_queue_is_never_taken_for_an_empty_one(s3tui: S3tui, work: Path, tmp_path: Path) -> None:
    write(work / "a.txt", 1)
    assert s3tui(
        "cp", "a.txt", "s3://b/", "--endpoint-url", "http://127.0.0.1:9", "--wait-for", "0"
    ).returncode
    journals = list((tmp_path / "state").glob("wal-*"))
    assert journals
    for journal in journals:
        journal.write_bytes(b"X" * journal.stat().st_size)
    for command in (("status",), ("run",), ("cp", "a.txt", "s3://b/")):
        ran = s3tui(*command)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert "damaged" in ran.stderr
        assert ran.stderr.count("\n") == 1


# -- verify --------------------------------------------------------------------------------------------


def test_verify_tells_every_difference_and_by_which_test(
    s3tui: S3tui, work: Path, bucket: str, seaweed: Seaweed
) -> None:
    for name in ("same", "other-size", "other-content", "missing"):
        write(work / "src" / name, 100)
    write(work / "src/big", 9 * MIB)
    assert s3tui("cp", "src", f"s3://{bucket}/p/").returncode == 0
    assert s3tui("verify", "src", f"s3://{bucket}/p/").returncode == 0
    write(work / "src/other-size", 101)
    write(work / "src/other-content", 100, 2)
    seaweed.client().delete_object(Bucket=bucket, Key="p/missing")
    seaweed.client().put_object(Bucket=bucket, Key="p/extra", Body=b"x")
    ran = s3tui("verify", "src", f"s3://{bucket}/p/")
    assert ran.returncode == 1
    assert ran.stdout.splitlines() == [
        "equal     crc   big",
        "missing   -     missing",
        "differs   -     other-content: same size, other content",
        "differs   size  other-size: 101 and 100 bytes",
        "equal     crc   same",
        "extra     -     extra",
        "2 equal, 4 not",
    ]
    quiet = s3tui("verify", "--quiet", "src", f"s3://{bucket}/p/")
    assert (quiet.returncode, quiet.stdout, quiet.stderr.count("\n")) == (1, "", 4)


def test_verify_counts_what_it_cannot_read_as_not_equal(s3tui: S3tui, work: Path, bucket: str) -> None:
    write(work / "src/a", 10)
    assert s3tui("cp", "src", f"s3://{bucket}/").returncode == 0
    os.symlink("/nowhere", work / "src/dangling")
    ran = s3tui("verify", "src", f"s3://{bucket}/")
    assert ran.returncode == 1
    assert "1 equal, 1 not" in ran.stdout
    assert "error     -     dangling: " in ran.stderr


def test_verify_compares_by_etag_where_there_is_no_checksum(
    s3tui: S3tui, work: Path, bucket: str, seaweed: Seaweed
) -> None:
    content = write(work / "a", 100).read_bytes()
    from boto3.session import Session
    from botocore.config import Config

    plain = Session().client(
        "s3",
        endpoint_url=seaweed.url,
        region_name="us-east-1",
        aws_access_key_id=seaweed.access_key,
        aws_secret_access_key=seaweed.secret_key,
        config=Config(request_checksum_calculation="when_required", s3={"addressing_style": "path"}),
    )
    plain.put_object(Bucket=bucket, Key="a", Body=content)
    plain.close()
    assert s3tui("verify", "a", f"s3://{bucket}/").stdout.splitlines()[0].startswith("equal     etag  a")


# -- a terminal ------------------------------------------------------------------------------------------


def test_a_terminal_shows_progress_and_keeps_what_is_done(
    env: dict[str, str], work: Path, bucket: str
) -> None:
    write(work / "big.bin", 24 * MIB)
    words = ["cp", "--rate-limit", "12M", "big.bin", f"s3://{bucket}/"]
    with on_a_terminal(words, env, work) as session:
        session.until("total 0/1")
        session.until("big.bin")
        session.until(" MiB/s")  # how fast it is measured to be depends on the machine
        assert session.end() == 0
        assert session.shown.split()[:4] == ["done", "24.0", "MiB", "crc"]
        assert "total" not in session.shown


def test_the_screen_opens_on_both_sides_and_q_leaves(env: dict[str, str], work: Path, bucket: str) -> None:
    write(work / "here.txt", 1)
    with on_a_terminal([".", f"s3://{bucket}/"], env, work) as session:
        session.until("here.txt")
        session.until(f"s3://{bucket}/")
        session.press("q")
        assert session.end() == 0


def test_a_hangup_ends_the_screen_with_its_own_code(env: dict[str, str], work: Path) -> None:
    with on_a_terminal([], env, work) as session:
        session.until("Nothing queued")
        began = time.monotonic()
        session.send(signal.SIGHUP)
        assert session.end() == 129
        assert time.monotonic() - began < 3.0


def test_with_nothing_configured_the_left_side_works_and_the_right_one_says_why(
    tmp_path: Path, work: Path
) -> None:
    write(work / "here.txt", 1)
    with on_a_terminal([], clean_environment(tmp_path / "home"), work) as session:
        session.until("here.txt")
        session.until("No credentials")
        session.press("q")
        assert session.end() == 0


# -- demo ------------------------------------------------------------------------------------------------


def test_the_demo_opens_on_its_own_data_and_a_signal_leaves_nothing_behind(
    tmp_path: Path, work: Path, seaweed: Seaweed
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    env = {**clean_environment(tmp_path / "home"), "TMPDIR": str(temporary), "AWS_PROFILE": "nobody"}
    with on_a_terminal(["demo"], env, work) as session:
        session.until("vm-image.qcow2")
        session.until("s3://demo-bucket/")
        session.send(signal.SIGTERM)
        assert session.end() == 143
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "home").exists() or not list((tmp_path / "home").rglob("*.jsonl"))


# -- secrets ---------------------------------------------------------------------------------------------


def test_no_secret_is_written_anywhere(s3tui: S3tui, work: Path, bucket: str, tmp_path: Path) -> None:
    write(work / "a.bin", 9 * MIB)
    said = s3tui("cp", "a.bin", f"s3://{bucket}/", AWS_SESSION_TOKEN="")
    said2 = s3tui("cp", "s3://no-such-bucket-here/x", "b.bin", "--log-file", str(tmp_path / "log"))
    assert SECRET_KEY not in said.stdout + said.stderr + said2.stdout + said2.stderr
    for path in [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size < MIB]:
        assert SECRET_KEY.encode() not in path.read_bytes(), path
