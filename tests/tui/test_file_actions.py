"""Copy, move, delete, rename, new folder: what is asked of the engine, and only after what question."""

from __future__ import annotations

import pytest

from engine import (
    CountProgress,
    DeleteRequest,
    Details,
    EntryKind,
    LocalRef,
    Location,
    ObjectRef,
    Problem,
    TransferOptions,
    TransferRequest,
    UsageError,
)
from tests.tui import example
from tests.tui.drive import Driver, drawn, engine, main, press, queue, running, settled, text, told, until
from tests.tui.fake_browser import GIB, Entry
from tests.tui.fake_engine import FakeManager

PROD = example.PROD.connection_id


def idle() -> FakeManager:
    """Nothing queued yet."""
    return FakeManager(example.example_browser(), [example.PROD])


async def test_a_few_small_files_in_nobodys_way_are_copied_with_one_key() -> None:
    async with running(idle()) as pilot:
        await press(pilot, *("j" * 8), "space", "space", "space")
        assert "c Copy 3 →" in drawn(pilot)[-1]
        await press(pilot, "c")
        assert engine(pilot).submitted == [
            TransferRequest(
                sources=(
                    LocalRef("/home/ann/data/invoice 2026 (final).pdf"),
                    LocalRef("/home/ann/data/notes.txt"),
                    LocalRef("/home/ann/data/report[1].csv"),
                ),
                target=ObjectRef("backups", "2026/"),
                connection=PROD,
                options=TransferOptions(),
                under_base_name=True,
            )
        ]
        assert main(pilot).left.model.marked_count == 0
        assert told(pilot) == ["Queued 3 items → s3://backups/2026/"]
        assert len([line for line in queue(pilot) if "QUEUED" in line]) == 3


async def test_without_marks_the_current_row_is_copied_and_a_folder_goes_under_its_own_name() -> None:
    async with running(idle()) as pilot:
        await press(pilot, "tab", "j", "c")
        (request,) = planned(pilot)
        assert request.sources == (ObjectRef("backups", "2026/db/"),)
        assert request.target == LocalRef("/home/ann/data/")
        assert request.under_base_name


async def test_options_of_the_app_go_with_every_request() -> None:
    options = TransferOptions(part_size=16 * 1024 * 1024, storage_class="STANDARD_IA")
    async with running(idle(), options=options) as pilot:
        await press(pilot, "j", "c")
        (request,) = planned(pilot)
        assert request.options == options
        await press(pilot, "escape", *("j" * 7), "c")
        (asked,) = engine(pilot).submitted
        assert isinstance(asked, TransferRequest)
        assert asked.options == options


@pytest.mark.parametrize(
    ("there", "why"),
    [
        (Location(ObjectRef(""), PROD), "Open a bucket in the other pane first"),
        (Location(LocalRef("/home/ann/")), "Both panes are on this disk"),
        (None, "The other pane shows no place yet"),
    ],
)
async def test_a_copy_that_cannot_be_says_why_and_queues_nothing(there: Location | None, why: str) -> None:
    async with running(idle(), right=there) as pilot:
        await press(pilot, "j", "c")
        assert told(pilot)[0].startswith(why)
        assert engine(pilot).submitted == []


async def test_the_way_up_cannot_be_copied() -> None:
    async with running(idle()) as pilot:
        await press(pilot, "c")
        assert told(pilot) == ["Nothing is marked, and the cursor is on no file"]


async def test_what_the_engine_refuses_keeps_its_marks() -> None:
    manager = idle()
    manager.refuse = UsageError("too many requests are waiting")
    async with running(manager) as pilot:
        await press(pilot, *("j" * 8), "space", "c")
        assert told(pilot) == ["too many requests are waiting"]
        assert main(pilot).left.model.marked_count == 1


async def test_all_of_a_big_prefix_is_asked_for_as_the_prefix() -> None:
    manager = idle()
    manager.browser.folders["s3://backups/2026/"] = [Entry(f"k{n:05d}", 1) for n in range(3_000)]
    async with running(manager) as pilot:
        await press(pilot, "tab", "a", "c")
        (request,) = planned(pilot)
        assert request.sources == (ObjectRef("backups", "2026/"),)
        assert not request.under_base_name, "its contents go under the target, not a folder 2026"


async def test_a_move_asks_first_and_deletes_only_what_was_verified() -> None:
    async with running(idle()) as pilot:
        await press(pilot, *("j" * 8), "m")
        assert "A source is deleted only after its copy is verified." in text(pilot)
        await press(pilot, "escape")
        assert engine(pilot).submitted == []
        await press(pilot, "m", "y")
        await until(pilot, lambda: bool(engine(pilot).submitted))
        (request,) = engine(pilot).submitted
        assert isinstance(request, TransferRequest)
        assert request.options.move


async def test_deleting_files_counts_them_and_enter_alone_changes_nothing() -> None:
    async with running(idle()) as pilot:
        await press(pilot, *("j" * 7), "space", "space", "d")
        for said in (
            "Delete 2 items?",
            "dump.tar",
            "2 files, 48.1 GiB in all",
            "until then z undoes it. After that it cannot be",
        ):
            assert said in text(pilot)
        await press(pilot, "enter")
        assert engine(pilot).submitted == []
        await press(pilot, "d", "y")
        await until(pilot, lambda: bool(engine(pilot).submitted))
        assert engine(pilot).submitted == [
            DeleteRequest(
                (
                    LocalRef("/home/ann/data/dump.tar"),
                    LocalRef("/home/ann/data/invoice 2026 (final).pdf"),
                ),
                None,
            )
        ]


async def test_deleting_a_prefix_counts_what_is_below_it() -> None:
    manager = idle()
    manager.browser.values["count"] = CountProgress(1204, 3 * GIB)
    async with running(manager) as pilot:
        await press(pilot, "tab", "j", "d")
        await until(pilot, lambda: "1,204 objects, 3 GiB in all" in text(pilot))
        assert "unless the bucket keeps versions" in text(pilot)
        await press(pilot, "y")
        await until(pilot, lambda: bool(engine(pilot).submitted))
        assert engine(pilot).submitted == [DeleteRequest((ObjectRef("backups", "2026/db/"),), PROD)]


async def test_a_count_that_fails_is_said_in_the_question() -> None:
    manager = idle()
    manager.browser.values["count"] = Problem("list", "access is denied", "", True, "access-denied")
    async with running(manager) as pilot:
        await press(pilot, "tab", "j", "d")
        await until(pilot, lambda: "Counting failed" in text(pilot))
        assert "Counting failed: access is denied." in text(pilot)


async def test_a_file_is_renamed_and_the_cursor_goes_with_it() -> None:
    async with running(idle()) as pilot:
        await press(pilot, *("j" * 7), "r", *"new.tar", "enter")
        place = Location(LocalRef("/home/ann/data/dump.tar"))
        await until(pilot, lambda: _asked(pilot, "rename") == [("rename", (place, "new.tar"))])
        await settled(pilot)
        row = main(pilot).left.list.current
        assert row is not None
        assert row.name == "new.tar"


async def test_a_prefix_is_renamed_through_the_queue() -> None:
    async with running(idle()) as pilot:
        await press(pilot, "tab", "j", "r", *"dbs", "enter")
        await until(pilot, lambda: bool(engine(pilot).submitted))
        (request,) = engine(pilot).submitted
        assert isinstance(request, TransferRequest)
        assert request.sources == (ObjectRef("backups", "2026/db/"),)
        assert request.target == ObjectRef("backups", "2026/dbs/")
        assert request.options.move
        assert not request.under_base_name


@pytest.mark.parametrize("name", ["a/b", "..", "."])
async def test_a_name_that_is_a_path_is_refused(name: str) -> None:
    async with running(idle()) as pilot:
        await press(pilot, *("j" * 7), "r", *name, "enter")
        await until(pilot, lambda: "A name has no / in it, and is not . or .." in text(pilot))
        await press(pilot, "escape")
        assert _asked(pilot, "rename") == []


async def test_a_new_folder_is_made_and_found() -> None:
    async with running(idle()) as pilot:
        await press(pilot, "n", *"fresh", "enter")
        await until(pilot, lambda: bool(_asked(pilot, "make_folder")))
        await settled(pilot)
        assert _asked(pilot, "make_folder") == [("make_folder", Location(LocalRef("/home/ann/data/fresh/")))]
        row = main(pilot).left.list.current
        assert row is not None
        assert row.name == "fresh"


async def test_what_the_browser_could_not_do_is_told_with_what_to_do() -> None:
    manager = idle()
    manager.browser.values["make_folder"] = Problem("make it", "the disk is full", "Free some.", True)
    async with running(manager) as pilot:
        await press(pilot, "n", *"x", "enter")
        await until(pilot, lambda: bool(told(pilot)))
        assert told(pilot) == ["make it: the disk is full. Free some."]


def planned(pilot: Driver) -> list[TransferRequest]:
    """The requests that plans were asked for."""
    return [what[0] for kind, what in engine(pilot).browser.asked if kind == "plan_ahead"]


def _asked(pilot: Driver, kind: str) -> list[tuple[str, object]]:
    return [asked for asked in engine(pilot).browser.asked if asked[0] == kind]


async def test_an_object_too_big_to_rename_at_once_is_moved_through_the_queue() -> None:
    manager = idle()
    manager.browser.values["rename"] = Problem("rename", "it takes more than one step", "", True, "use-queue")
    async with running(manager) as pilot:
        await press(pilot, "tab", "j", "j", "j", "r", *"big.tar", "enter")
        await until(pilot, lambda: bool(engine(pilot).submitted))
        (request,) = engine(pilot).submitted
        assert isinstance(request, TransferRequest)
        assert request.sources == (ObjectRef("backups", "2026/dump.tar"),)
        assert request.target == ObjectRef("backups", "2026/big.tar")
        assert request.options.move


async def test_among_buckets_a_new_folder_is_a_bucket() -> None:
    async with running(idle(), right=Location(ObjectRef(""), PROD)) as pilot:
        await press(pilot, "tab", "n")
        assert "New bucket" in text(pilot)
        await press(pilot, *"fresh", "enter")
        await until(
            pilot,
            lambda: _asked(pilot, "make_folder") == [("make_folder", Location(ObjectRef("fresh"), PROD))],
        )


@pytest.mark.parametrize(
    ("versioning", "said"),
    [
        ("enabled", "keeps it as a version: V restores it"),
        ("off", "the bucket keeps no versions"),
        ("suspended", "versioning is suspended"),
        ("not allowed: needs s3:GetBucketVersioning", "unless the bucket keeps versions"),
    ],
)
async def test_the_question_says_what_is_known_of_versions(versioning: str, said: str) -> None:
    manager = idle()
    manager.browser.values["details"] = Details(EntryKind.BUCKET, more=(("Versioning", versioning),))
    async with running(manager) as pilot:
        await press(pilot, "tab", "j", "j", "j", "d")
        await until(pilot, lambda: said in " ".join(text(pilot).replace("│", " ").split()))
        assert "until then z undoes it" in " ".join(text(pilot).replace("│", " ").split())
