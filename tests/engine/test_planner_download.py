"""Downloads as they are planned: which keys become which files, and which become none."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from engine.errors import REFUSALS, Condition, Interrupted, Permanent, Retryable, TransferError, UsageError
from engine.local.fsops import FsOps
from engine.local.safepath import parts_below
from engine.model import (
    Facts,
    ItemKind,
    LocalRef,
    ObjectRef,
    TransferOptions,
    TransferRequest,
    TransferSpec,
)
from engine.pace.cancel import CancelToken
from engine.planner import BATCH, FIRST_BATCH
from tests.engine.fake_s3 import ID, FakeS3, NoWaiting, by_tree, planner, s3, shuffled

__all__ = ["s3"]


def request(
    keys: Sequence[str], target: Path | str, *, options: TransferOptions | None = None, under: bool = False
) -> TransferRequest:
    sources = tuple(ObjectRef("b", key) for key in keys)
    return TransferRequest(
        sources, LocalRef(str(target)), ID, options or TransferOptions(), under_base_name=under
    )


def plan(s3: FakeS3, wanted: TransferRequest, fs: FsOps | None = None) -> list[TransferSpec]:
    batches = list(planner(s3, fs).plan(wanted, CancelToken()))
    assert all(0 < len(batch) <= BATCH for batch in batches)
    specs = [spec for batch in batches for spec in batch]
    for spec in specs:
        assert (spec.kind, spec.connection) == (ItemKind.DOWNLOAD, ID)
        assert isinstance(spec.target, LocalRef)
        assert spec.root is not None
        if not spec.refusal and spec.target.path.rstrip("/") != spec.root:
            parts_below(spec.root, spec.target.path)  # raises if it is not below, or not plain
    return specs


def shown(specs: list[TransferSpec], below: Path) -> list[str]:
    """``source key → target below``, or why not."""
    return [
        f"{s.source.key} ✗ {s.refusal}"  # type: ignore[union-attr]
        if s.refusal
        else f"{s.source.key} → {str(s.target).removeprefix(f'{below}/')}"  # type: ignore[union-attr]
        for s in specs
    ]


def refuses(s3: FakeS3, wanted: TransferRequest) -> str:
    with pytest.raises(UsageError) as error:
        plan(s3, wanted)
    return str(error.value)


# -- targets (DESIGN section 7) --------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_contents_of_a_prefix_go_under_the_target(s3: FakeS3, tmp_path: Path, slash: str) -> None:
    s3.put("b", "p/a", "p/d/", size=0).put("b", "p/d/x", "q")
    specs = plan(s3, request(["p/"], f"{tmp_path}/new{slash}"))
    assert shown(specs, tmp_path) == ["p/a → new/a", "p/d/ → new/d/", "p/d/x → new/d/x"]
    assert {spec.root for spec in specs} == {f"{tmp_path}/new"}


def test_a_whole_bucket(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", "a", "d/x")
    assert shown(plan(s3, request([""], tmp_path)), tmp_path) == ["a → a", "d/x → d/x"]
    under = plan(s3, request([""], tmp_path, under=True))
    assert shown(under, tmp_path) == ["a → b/a", "d/x → b/d/x"]


def test_empty_bucket_is_nothing_to_do_and_an_empty_prefix_a_mistake(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b")
    assert plan(s3, request([""], tmp_path)) == []
    assert "nothing below s3://b/p/" in refuses(s3, request(["p/"], tmp_path))


def test_marker_of_the_prefix_makes_the_target_folder(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", "p/", size=0)
    assert shown(plan(s3, request(["p/"], tmp_path / "new")), tmp_path) == ["p/ → new/"]


def test_several_sources_go_each_under_its_base_name(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", "p/a/x", "p/f", "q/g")
    specs = plan(s3, request(["p/a/", "p/f", "q/g"], tmp_path / "t"))
    assert shown(specs, tmp_path) == ["p/a/x → t/a/x", "p/f → t/f", "q/g → t/g"]
    assert {spec.root for spec in specs} == {f"{tmp_path}/t"}


def test_an_object_goes_into_a_folder_or_to_the_path_named(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", "p/f", size=9)
    (tmp_path / "folder").mkdir()
    assert shown(plan(s3, request(["p/f"], tmp_path / "folder")), tmp_path) == ["p/f → folder/f"]
    assert shown(plan(s3, request(["p/f"], f"{tmp_path}/new/")), tmp_path) == ["p/f → new/f"]
    exact = plan(s3, request(["p/f"], tmp_path / "other-name"))
    assert shown(exact, tmp_path) == ["p/f → other-name"]
    assert (exact[0].root, exact[0].size) == (str(tmp_path), 9)
    assert s3.asked == ["HEAD b/p/f"] * 3


def test_sources_that_do_not_exist_are_named_with_the_prefix_that_does(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", "p/x")
    assert "below s3://b/p/: end it in /" in refuses(s3, request(["p"], tmp_path))
    text = refuses(s3, request(["gone", "p/x", "lost/"], tmp_path))
    assert "s3://b/gone does not exist" in text
    assert "nothing below s3://b/lost/" in text


def test_a_file_in_the_way_of_the_target_folder_is_said(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", "p/x")
    (tmp_path / "file").touch()
    assert "is a file, not a folder" in refuses(s3, request(["p/"], tmp_path / "file"))


def test_relative_targets_are_refused(s3: FakeS3) -> None:
    s3.put("b", "p/x", "x")
    assert "absolute" in refuses(s3, request(["p/"], "here"))
    assert "absolute" in refuses(s3, request(["x"], "here"))


def test_version_that_was_named_is_the_source(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", "k")
    wanted = TransferRequest((ObjectRef("b", "k", "v1"),), LocalRef(f"{tmp_path}/"), ID)
    spec = plan(s3, wanted)[0]
    assert spec.source == ObjectRef("b", "k", "v1")
    assert spec.source_facts is not None
    assert spec.source_facts.version_id == "v1"


def test_read_only_profile_may_be_read_but_not_moved_from(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", "p/x").profile.read_only = True
    assert plan(s3, request(["p/"], tmp_path))
    assert "read-only" in refuses(s3, request(["p/"], tmp_path, options=TransferOptions(move=True)))


# -- keys that cannot be files ---------------------------------------------------------------------

UNSAFE = [
    "../evil",
    "..",
    ".",
    "a/../b",
    "a/..",
    "a/./b",
    "/etc/passwd",
    "//x",
    "a//b",
    "a\x00b",
    "x" * 1024,
    "é" * 512,
    "é" * 128,
    "x" * 256,
    "x" * 300 + "/y",
]
SAFE = [
    "a\\..\\b",
    "..\\evil",
    "C:\\x",
    "%2e%2e/evil",
    "%2e%2e%2fevil",
    "..%c0%af",
    "\uff0e\uff0e/evil",
    "‥/evil",
    "~/.ssh/authorized_keys",
    "$HOME/x",
    "-rf",
    "--help",
    "é" * 127,
    "x" * 255,
    " lead",
    "trail ",
    "a.",
    "con",
    "NUL",
    "a:b",
    "a*?<>|",
    "a\nb",
    "a\r",
    "a\tb",
    "\x1b[31mred",
    "\u2028",
    "\ufffe",
    "\U0001f600",
    ".lock",
    "soap",
    "[/bold]",
]


@pytest.mark.parametrize("key", UNSAFE)
def test_keys_that_are_no_safe_path_are_refused_by_name(s3: FakeS3, tmp_path: Path, key: str) -> None:
    s3.put("b", "p/" + key, "p/good")
    specs = plan(s3, request(["p/"], tmp_path))
    bad = [spec for spec in specs if spec.refusal]
    assert [spec.source for spec in bad] == [ObjectRef("b", "p/" + key)]
    assert bad[0].refusal in REFUSALS
    assert bad[0].target == LocalRef(f"{tmp_path}/")
    assert [spec.target for spec in specs if not spec.refusal] == [LocalRef(f"{tmp_path}/good")]


@pytest.mark.parametrize("key", SAFE)
def test_odd_but_safe_keys_are_files_of_that_name(s3: FakeS3, tmp_path: Path, key: str) -> None:
    s3.put("b", "p/" + key)
    assert shown(plan(s3, request(["p/"], tmp_path)), tmp_path) == [f"p/{key} → {key}"]


def test_named_object_whose_own_name_is_unsafe_is_refused(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", "a/..", "b/../x")
    assert [spec.refusal for spec in plan(s3, request(["a/.."], f"{tmp_path}/t/"))] == ["unsafe-name"]
    assert shown(plan(s3, request(["b/../x"], f"{tmp_path}/t/")), tmp_path) == ["b/../x → t/x"]


def test_prefix_whose_own_name_is_unsafe_is_refused_key_by_key(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", "a/../x", "a/../y", "ok/z")
    specs = plan(s3, request(["a/../", "ok/"], tmp_path))
    assert [spec.refusal for spec in specs] == ["unsafe-name", "unsafe-name", None]


def test_marker_that_holds_bytes_is_refused_not_lost(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", "p/d/", size=3)
    assert shown(plan(s3, request(["p/"], tmp_path)), tmp_path) == ["p/d/ ✗ unsafe-name"]


# -- two keys, one file ----------------------------------------------------------------------------


@pytest.mark.parametrize("order", [None, by_tree, shuffled])
def test_file_and_folder_of_one_name_collide_in_words(s3: FakeS3, tmp_path: Path, order: object) -> None:
    if order is not None:
        s3.order = order  # type: ignore[assignment]
    s3.put("b", "p/f", "p/f-g", "p/f/g", "p/f/h")
    specs = plan(s3, request(["p/"], tmp_path))
    assert len(specs) == 4
    taken = {str(spec.target) for spec in specs if not spec.refusal}
    names = {f"{tmp_path}/f", f"{tmp_path}/f/g", f"{tmp_path}/f/h"} & taken
    assert names in ({f"{tmp_path}/f"}, {f"{tmp_path}/f/g", f"{tmp_path}/f/h"})
    assert {spec.refusal for spec in specs} == {None, "name-collision"}


class FoldingDisk(FsOps):
    """A file system that does not tell case apart."""

    def lstat(self, path: object, **more: object) -> object:  # type: ignore[override]
        folder, _, name = str(path).rpartition("/")
        try:
            entries = list(Path(folder or "/").iterdir())
        except NotADirectoryError as error:
            raise FileNotFoundError(path) from error
        for entry in entries:
            if entry.name.casefold() == name.casefold():
                return entry.lstat()
        raise FileNotFoundError(path)


def test_names_that_differ_in_case_collide_where_the_disk_says_so(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", "p/A", "p/a", "p/caf\u00e9", "p/cafe\u0301")
    assert not any(spec.refusal for spec in plan(s3, request(["p/"], tmp_path)))
    specs = plan(s3, request(["p/"], tmp_path), FoldingDisk())
    assert [spec.refusal for spec in specs] == [None, "name-collision", None, "name-collision"]
    assert [spec.source.key for spec in specs if not spec.refusal] == ["p/A", "p/cafe\u0301"]  # type: ignore[union-attr]


def test_objects_of_one_base_name_collide_in_words(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", "p/same", "q/same", "r/same/x")
    specs = plan(s3, request(["p/same", "q/same", "r/same/"], tmp_path))
    assert shown(specs, tmp_path) == [
        "p/same → same",
        "q/same ✗ name-collision",
        "r/same/x ✗ name-collision",
    ]


def test_two_folders_of_one_name_become_one(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", "p/d/x", "q/d/y")
    specs = plan(s3, request(["p/d/", "q/d/"], tmp_path))
    assert shown(specs, tmp_path) == ["p/d/x → d/x", "q/d/y → d/y"]


# -- what stands at the targets --------------------------------------------------------------------


def test_local_targets_are_looked_at(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", "p/there", "p/gone", "p/d/x", "p/folder")
    (tmp_path / "there").write_bytes(b"1234567")
    (tmp_path / "folder").mkdir()
    specs = {str(s.target).rpartition("/")[2]: s for s in plan(s3, request(["p/"], tmp_path))}
    there = specs["there"].target_facts
    assert there is not None
    assert (there.size, specs["there"].target_was_listed) == (7, True)
    assert (specs["gone"].target_facts, specs["gone"].target_was_listed) == (None, True)
    assert (specs["x"].target_facts, specs["x"].target_was_listed) == (None, True)
    assert (specs["folder"].target_facts, specs["folder"].target_was_listed) == (None, False)
    assert specs["there"].source_facts == Facts(1, 1.0, "etag-there", None, "STANDARD")


def test_a_folder_that_is_missing_is_looked_for_once(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", *(f"p/{n:03}" for n in range(500)))
    looked: list[str] = []

    class Counting(FsOps):
        def lstat(self, path: object, **more: object) -> object:  # type: ignore[override]
            looked.append(str(path))
            return super().lstat(path, **more)  # type: ignore[arg-type]

    plan(s3, request(["p/"], tmp_path / "new" / "deep"), Counting())
    assert len(looked) < 20


# -- patterns --------------------------------------------------------------------------------------


def test_patterns_decide_below_the_prefix(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", "p/a.log", "p/d/b.log", "p/d/c.txt", "p/old/d.log", "p/../e.txt")
    options = TransferOptions(include=("*.log",), exclude=("old",))
    specs = plan(s3, request(["p/"], tmp_path, options=options))
    assert shown(specs, tmp_path) == ["p/a.log → a.log", "p/d/b.log → d/b.log"]


# -- streams ---------------------------------------------------------------------------------------


def many(prefix: str) -> Iterator[tuple[str, int]]:
    return ((f"{n // 1000:04}/{n % 1000:03}.dat", n) for n in range(1_000_000))


def test_a_million_keys_stream_page_by_page(s3: FakeS3, tmp_path: Path) -> None:
    """What is held is bounded by how far the listing runs ahead of the batches: one page."""
    s3.endless = many
    planned = ahead = 0
    for batch in planner(s3).plan(request(["p/"], tmp_path / "new"), CancelToken()):
        planned += len(batch)
        ahead = max(ahead, len(s3.lists) * s3.page_size - planned)
    assert planned == 1_000_000
    assert ahead <= s3.page_size
    assert len(s3.lists) == 1001
    assert not s3.heads


def test_a_million_keys_are_copied_beside_a_million_targets(s3: FakeS3) -> None:
    s3.endless = many
    wanted = TransferRequest((ObjectRef("b", "p/"),), ObjectRef("c", "q/"), ID)
    planned = ahead = 0
    for batch in itertools.islice(planner(s3).plan(wanted, CancelToken()), 100):
        planned += len(batch)
        assert all(spec.target_facts is not None for spec in batch)
        ahead = max(ahead, len(s3.lists) * s3.page_size - 2 * planned)
    assert planned == FIRST_BATCH + 99 * BATCH
    assert ahead <= 2 * s3.page_size


def test_cancelled_between_pages(s3: FakeS3, tmp_path: Path) -> None:
    s3.endless = many
    token = CancelToken()
    batches = planner(s3).plan(request(["p/"], tmp_path), token)
    next(batches)
    token.cancel("test")
    with pytest.raises(Interrupted):
        for _ in range(3):
            next(batches)


# -- what the server says --------------------------------------------------------------------------


def test_denied_listing_fails_the_operation_with_its_code(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", "p/x").denied.add("b")
    with pytest.raises(TransferError) as error:
        plan(s3, request(["p/"], tmp_path))
    assert error.value.code == "access-denied"


def test_one_bad_source_is_told_after_the_others_are_planned(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", "bad/1", "bad/2", "good/1").page_size = 1
    exists = [None, None]
    s3.faults = [*exists, None, Permanent("access-denied", operation="list")]
    found: list[TransferSpec] = []
    with pytest.raises(Permanent):
        for batch in planner(s3).plan(request(["bad/", "good/"], tmp_path), CancelToken()):
            found += batch
    assert shown(found, tmp_path) == ["bad/1 → bad/1", "good/1 → good/1"]


def offline() -> Condition:
    return Condition("offline", ("endpoint", ID), operation="list")


def test_lost_network_is_told_at_once(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", "p/x", "q/x").faults = [None, None, offline()]
    clock = NoWaiting()
    with pytest.raises(Condition):
        list(planner(s3, clock=clock).plan(request(["p/", "q/"], tmp_path), CancelToken()))
    assert s3.asked[-1] == "LIST b/p/"
    assert clock.waits == []


@pytest.mark.parametrize("order", [None, by_tree])
def test_listing_goes_on_where_it_broke(s3: FakeS3, tmp_path: Path, order: object) -> None:
    if order is not None:
        s3.order = order  # type: ignore[assignment]
    s3.put("b", "p/a/x", "p/a-b", "p/a.txt", "p/b", "p/c").page_size = 2
    busy = Retryable("slow-down", operation="list", retry_after=7.0)
    s3.faults = [busy, None, offline(), busy, None, busy]
    clock = NoWaiting()
    specs = [s for b in planner(s3, clock=clock).plan(request(["p/"], tmp_path), CancelToken()) for s in b]
    assert sorted(spec.source.key for spec in specs) == sorted(s3.buckets["b"])  # type: ignore[union-attr]
    assert not any(spec.refusal for spec in specs)
    assert len(clock.waits) == 4
    assert clock.waits[0] >= 7.0


def test_what_does_not_heal_is_told_with_what_was_found_before(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", "p/a", "p/b").page_size = 1
    s3.faults = [None, *(offline() for _ in range(100))]
    found: list[TransferSpec] = []
    with pytest.raises(Condition):
        for batch in planner(s3).plan(request(["p/"], tmp_path), CancelToken()):
            found += batch
    assert shown(found, tmp_path) == ["p/a → a"]
    assert len(s3.asked) < 20


def test_server_that_starts_over_each_time_is_given_up(s3: FakeS3, tmp_path: Path) -> None:
    def keys(prefix: str) -> Iterator[tuple[str, int]]:
        yield "1", 1
        yield "2", 1
        raise Retryable("connection-lost", operation="list")

    s3.endless, s3.page_size = keys, 1
    s3.order = lambda key: next(count)
    count = itertools.count()
    with pytest.raises(Retryable):
        plan(s3, request(["p/"], tmp_path))


def test_single_questions_are_asked_again_too(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", "k")
    head, faults = s3.head, [Retryable("server-error", operation="look at")]

    def busy(ref: ObjectRef, **how: object) -> object:
        if faults:
            raise faults.pop()
        return head(ref, **how)

    s3.head = busy  # type: ignore[method-assign, assignment]
    assert shown(plan(s3, request(["k"], f"{tmp_path}/")), tmp_path) == ["k → k"]
