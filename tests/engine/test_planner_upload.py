"""Uploads as they are planned: which files become which keys, and what is known of the targets."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import Interrupted, NeedsAnswer, Permanent, UsageError
from engine.local.fsops import FsOps
from engine.model import (
    ConnectionId,
    Facts,
    ItemKind,
    LocalRef,
    ObjectRef,
    Place,
    TransferOptions,
    TransferRequest,
    TransferSpec,
)
from engine.pace.cancel import CancelToken
from engine.planner import BATCH
from tests.engine.fake_s3 import ID, FakeS3, by_tree, planner, s3

__all__ = ["s3"]


def request(
    sources: Sequence[Path | str],
    target: str = "p/",
    *,
    options: TransferOptions | None = None,
    under: bool = False,
) -> TransferRequest:
    places: tuple[Place, ...] = tuple(LocalRef(str(source)) for source in sources)
    return TransferRequest(
        places, ObjectRef("b", target), ID, options or TransferOptions(), under_base_name=under
    )


def plan(s3: FakeS3, wanted: TransferRequest, fs: FsOps | None = None) -> list[TransferSpec]:
    batches = list(planner(s3, fs).plan(wanted, CancelToken()))
    assert all(0 < len(batch) <= BATCH for batch in batches)
    return [spec for batch in batches for spec in batch]


def keys(specs: list[TransferSpec]) -> list[str]:
    assert all(isinstance(spec.target, ObjectRef) and spec.target.bucket == "b" for spec in specs)
    return [spec.target.key for spec in specs if isinstance(spec.target, ObjectRef)]


def refused(specs: list[TransferSpec]) -> dict[str, str]:
    return {os.path.basename(str(s.source).rstrip("/")): s.refusal for s in specs if s.refusal}


def refuses(s3: FakeS3, wanted: TransferRequest) -> str:
    with pytest.raises(UsageError) as error:
        plan(s3, wanted)
    return str(error.value)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """``tree/{a.txt, a/x, a-b, empty/}``."""
    tree = tmp_path / "tree"
    (tree / "a").mkdir(parents=True)
    (tree / "empty").mkdir()
    (tree / "a" / "x").write_bytes(b"x")
    (tree / "a.txt").write_bytes(b"12345")
    (tree / "a-b").touch()
    return tree


# -- targets (DESIGN section 7) --------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("target", ["p", "p/"])
def test_contents_of_one_folder_go_under_the_target(s3: FakeS3, tree: Path, slash: str, target: str) -> None:
    s3.put("b")
    specs = plan(s3, request([f"{tree}{slash}"], target))
    assert keys(specs) == ["p/a-b", "p/a.txt", "p/a/x", "p/empty/"]
    assert {spec.kind for spec in specs} == {ItemKind.UPLOAD}
    assert [spec.size for spec in specs] == [0, 5, 1, 0]
    assert specs[-1].source == LocalRef(f"{tree}/empty/")


def test_into_a_whole_bucket(s3: FakeS3, tree: Path) -> None:
    s3.put("b")
    assert keys(plan(s3, request([tree], ""))) == ["a-b", "a.txt", "a/x", "empty/"]


def test_one_folder_under_its_own_name_as_file_managers_do(s3: FakeS3, tree: Path) -> None:
    s3.put("b")
    specs = plan(s3, request([f"{tree}/"], "p/", under=True))
    assert keys(specs) == ["p/tree/a-b", "p/tree/a.txt", "p/tree/a/x", "p/tree/empty/"]


def test_several_sources_go_each_under_its_base_name(s3: FakeS3, tree: Path) -> None:
    s3.put("b")
    specs = plan(s3, request([tree / "a", tree / "a.txt", tree / "empty"], "p"))
    assert keys(specs) == ["p/a/x", "p/a.txt", "p/empty/"]


def test_a_file_goes_into_a_prefix_under_its_name(s3: FakeS3, tree: Path) -> None:
    s3.put("b")
    assert keys(plan(s3, request([tree / "a.txt"], "p/"))) == ["p/a.txt"]
    assert keys(plan(s3, request([tree / "a.txt"], ""))) == ["a.txt"]


def test_a_file_goes_to_a_key_named_in_full(s3: FakeS3, tree: Path) -> None:
    s3.put("b", "other/x")
    specs = plan(s3, request([tree / "a.txt"], "p/new-name"))
    assert keys(specs) == ["p/new-name"]
    assert specs[0].target_was_listed
    assert specs[0].target_facts is None


def test_a_key_of_which_only_the_prefix_exists_is_not_guessed_about(s3: FakeS3, tree: Path) -> None:
    s3.put("b", "backups/one")
    assert "s3://b/backups/" in refuses(s3, request([tree / "a.txt"], "backups"))
    s3.put("b", "backups")
    assert keys(plan(s3, request([tree / "a.txt"], "backups"))) == ["backups"]


def test_sources_that_do_not_exist_are_all_named(s3: FakeS3, tree: Path) -> None:
    s3.put("b")
    text = refuses(s3, request([tree / "a.txt", tree / "gone", tree / "lost", f"{tree}/a.txt/"]))
    assert "gone" in text
    assert "lost" in text
    assert "a.txt/ is a file" in text
    assert not s3.asked


def test_local_to_local_and_endpoint_to_endpoint_are_refused_with_the_reason(s3: FakeS3, tree: Path) -> None:
    local = TransferRequest((LocalRef(str(tree)),), LocalRef("/tmp/"), ID)
    assert "both on this disk" in refuses(s3, local)
    mixed = TransferRequest((LocalRef(str(tree)), ObjectRef("b", "k")), ObjectRef("b", "p/"), ID)
    assert "all on this disk, or all on S3" in refuses(s3, mixed)
    apart = TransferRequest((ObjectRef("b", "k"),), ObjectRef("b", "p/"), ID, target_connection="x@y")  # type: ignore[arg-type]
    assert "no server copies between them" in refuses(s3, apart)
    assert not s3.asked


def test_the_list_of_buckets_is_no_target(s3: FakeS3, tree: Path) -> None:
    for source in (tree, tree / "a.txt"):
        wanted = TransferRequest((LocalRef(str(source)),), ObjectRef("", ""), ID)
        assert "name a bucket" in refuses(s3, wanted)


def test_read_only_profile_takes_nothing(s3: FakeS3, tree: Path) -> None:
    s3.profile.read_only = True
    assert "read-only" in refuses(s3, request([tree]))


def test_part_size_no_object_can_have_is_refused(s3: FakeS3, tree: Path) -> None:
    assert "5 MiB" in refuses(s3, request([tree], options=TransferOptions(part_size=1)))


def test_target_bucket_that_does_not_exist_fails_the_operation(s3: FakeS3, tree: Path) -> None:
    with pytest.raises(Permanent) as error:
        plan(s3, request([tree]))
    assert error.value.code == "no-such-bucket"


# -- what cannot be taken is named, and the rest goes on -------------------------------------------


def test_specials_links_and_bad_names_are_items_that_say_why(s3: FakeS3, tree: Path) -> None:
    s3.put("b")
    os.mkfifo(tree / "pipe")
    (tree / "out").symlink_to("/etc/passwd")
    (tree / "folder-link").symlink_to("a")
    (tree / "link").symlink_to("a.txt")
    with open(os.fsencode(tree) + b"/bad\xffname", "wb"):
        pass
    specs = plan(s3, request([tree]))
    assert refused(specs) == {
        "pipe": "not-a-file",
        "out": "symlink-outside",
        "folder-link": "symlink-folder",
        "bad\udcffname": "name-not-utf8",
    }
    link = next(spec for spec in specs if str(spec.source).endswith("/link"))
    assert link.size == 5
    assert {"p/a-b", "p/a.txt", "p/a/x", "p/empty/", "p/link"} <= set(keys(specs))


def test_names_in_a_folder_that_is_not_text_are_each_refused(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b")
    folder = os.fsencode(tmp_path) + b"/bad\xff"
    os.mkdir(folder)
    with open(folder + b"/x", "wb"):
        pass
    specs = plan(s3, request([os.fsdecode(folder)], under=True))
    assert refused(specs) == {"x": "name-not-utf8"}


def test_keys_that_would_be_too_long_are_refused_by_name(s3: FakeS3, tree: Path) -> None:
    s3.put("b")
    specs = plan(s3, request([tree], "p" * 1020 + "/"))
    assert refused(specs) == {"a.txt": "key-too-long", "empty": "key-too-long"}
    assert [spec.size for spec in specs if not spec.refusal] == [0, 1]


def test_folder_that_cannot_be_read_inside_is_named_and_the_rest_goes_on(s3: FakeS3, tree: Path) -> None:
    s3.put("b")

    class Closed(FsOps):
        def scandir(self, path: object) -> object:  # type: ignore[override]
            if str(path).endswith("tree/a"):
                raise PermissionError(13, "Permission denied")
            return super().scandir(path)  # type: ignore[arg-type]

    specs = plan(s3, request([tree]), Closed())
    assert refused(specs) == {"a": "local-denied"}
    assert keys(specs) == ["p/a-b", "p/a.txt", "p/a/", "p/empty/"]


def test_source_folder_that_cannot_be_read_is_named_beside_the_others(s3: FakeS3, tree: Path) -> None:
    s3.put("b")

    class Closed(FsOps):
        def scandir(self, path: object) -> object:  # type: ignore[override]
            if str(path).endswith("tree/empty"):
                raise PermissionError(13, "Permission denied")
            return super().scandir(path)  # type: ignore[arg-type]

    specs = plan(s3, request([tree / "empty", tree / "a"]), Closed())
    assert refused(specs) == {"empty": "local-denied"}
    assert keys(specs) == ["p/empty/", "p/a/x"]


def test_named_special_is_refused_and_a_named_link_is_what_it_leads_to(s3: FakeS3, tree: Path) -> None:
    s3.put("b")
    os.mkfifo(tree / "pipe")
    (tree / "link").symlink_to("a.txt")
    specs = plan(s3, request([tree / "pipe", tree / "link"]))
    assert refused(specs) == {"pipe": "not-a-file"}
    assert specs[1].size == 5


def test_two_sources_with_one_base_name_collide_in_words(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b")
    for side in ("left", "right"):
        (tmp_path / side / "d").mkdir(parents=True)
        (tmp_path / side / "d" / "same").write_text(side)
        (tmp_path / side / "d" / side).write_text(side)
    specs = plan(s3, request([tmp_path / "left" / "d", tmp_path / "right" / "d"]))
    assert keys([s for s in specs if not s.refusal]) == ["p/d/left", "p/d/same", "p/d/right"]
    assert [(str(s.source), s.refusal) for s in specs if s.refusal] == [
        (f"{tmp_path}/right/d/same", "name-collision")
    ]


def test_the_same_source_twice_is_one(s3: FakeS3, tree: Path) -> None:
    s3.put("b")
    assert keys(plan(s3, request([tree / "a.txt", tree / "a.txt"]))) == ["p/a.txt"]


def test_empty_folder_becomes_the_marker_of_the_target(s3: FakeS3, tree: Path) -> None:
    s3.put("b")
    assert keys(plan(s3, request([tree / "empty"], "new"))) == ["new/"]
    assert keys(plan(s3, request([tree / "empty"], ""))) == []


# -- include, exclude ------------------------------------------------------------------------------


def test_patterns_decide_below_the_source(s3: FakeS3, tree: Path) -> None:
    s3.put("b")
    options = TransferOptions(include=("a*",), exclude=("*.txt",))
    assert keys(plan(s3, request([tree], options=options))) == ["p/a-b", "p/a/x"]


def test_excluded_folders_are_not_looked_into(s3: FakeS3, tree: Path) -> None:
    s3.put("b")

    class Closed(FsOps):
        def scandir(self, path: object) -> object:  # type: ignore[override]
            assert not str(path).endswith("tree/a")
            return super().scandir(path)  # type: ignore[arg-type]

    options = TransferOptions(exclude=("a/",))
    assert keys(plan(s3, request([tree], options=options), Closed())) == ["p/a-b", "p/a.txt", "p/empty/"]


# -- what stands at the targets --------------------------------------------------------------------


def test_targets_are_known_from_one_listing(s3: FakeS3, tree: Path) -> None:
    s3.put("b", "p/a.txt", "p/a/x", "p/zzz", "q", "p", size=7)
    specs = {s.target.key: s for s in plan(s3, request([tree])) if isinstance(s.target, ObjectRef)}
    assert s3.asked == ["LIST b/p/"]
    assert specs["p/a.txt"].target_facts == Facts(7, 1.0, "etag-a.txt", None, "STANDARD")
    assert specs["p/a/x"].target_facts is not None
    assert specs["p/a-b"].target_facts is None
    assert all(spec.target_was_listed for spec in specs.values())


def test_a_server_that_lists_folder_by_folder_misleads_nobody(s3: FakeS3, tree: Path) -> None:
    s3.order = by_tree
    s3.put("b", "p/a/x", "p/a-b", "p/a.txt", "p/b")
    for spec in plan(s3, request([tree])):
        assert isinstance(spec.target, ObjectRef)
        if spec.target_was_listed:
            assert (spec.target_facts is not None) is (spec.target.key in s3.buckets["b"])


def test_single_file_costs_one_head(s3: FakeS3, tree: Path) -> None:
    s3.put("b", "p/a.txt")
    assert plan(s3, request([tree / "a.txt"]))[0].target_facts is not None
    assert s3.asked == ["HEAD b/p/a.txt"]


def test_many_named_files_cost_one_listing(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b", *(f"p/{n:03}" for n in range(0, 300, 2)), "p/sub/x")
    files = [tmp_path / f"{n:03}" for n in range(300)]
    for file in files:
        file.touch()
    specs = plan(s3, request(files))
    assert s3.asked == ["LIST b/p/"]
    assert [spec.target_facts is not None for spec in specs] == [n % 2 == 0 for n in range(300)]


def test_few_files_into_a_huge_prefix_do_not_read_all_of_it(s3: FakeS3, tmp_path: Path) -> None:
    s3.page_size = 10
    s3.put("b", *(f"p/{n:05}" for n in range(5000)))
    files = [tmp_path / f"{n:05}" for n in range(4990, 5000)]
    for file in files:
        file.touch()
    specs = plan(s3, request(files))
    assert all(spec.target_facts is not None for spec in specs)
    assert len(s3.asked) <= 2 * len(files)


def test_right_to_write_without_the_right_to_look_is_enough(s3: FakeS3, tree: Path) -> None:
    s3.put("b").denied |= {"b", "HEAD"}
    for sources in ([tree], [tree / "a.txt"], [tree / "a.txt", tree / "a"]):
        specs = plan(s3, request(sources))
        assert specs
        assert not any(spec.target_was_listed or spec.refusal for spec in specs)
    assert keys(plan(s3, request([tree / "a.txt"], "exact"))) == ["exact"]


# -- streams ---------------------------------------------------------------------------------------


def test_first_batch_comes_before_the_walk_ends(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b")
    for n in range(1500):
        (tmp_path / f"{n:04}").touch()
    batches = [len(batch) for batch in planner(s3).plan(request([tmp_path]), CancelToken())]
    assert batches == [100, 1000, 400]


def test_cancelled_plan_stops(s3: FakeS3, tmp_path: Path) -> None:
    s3.put("b")
    for n in range(1500):
        (tmp_path / f"{n:04}").touch()
    token = CancelToken()
    batches = planner(s3).plan(request([tmp_path]), token)
    next(batches)
    token.cancel("test")
    with pytest.raises(Interrupted):
        next(batches)


def test_unknown_connection_needs_its_profile(s3: FakeS3, tree: Path) -> None:
    with pytest.raises(NeedsAnswer):
        plan(s3, replace(request([tree]), connection=ConnectionId("other@there")))


def test_options_and_connection_go_with_every_item(s3: FakeS3, tree: Path) -> None:
    s3.put("b")
    options = replace(TransferOptions(), move=True, storage_class="STANDARD_IA")
    for spec in plan(s3, request([tree], options=options)):
        assert (spec.options, spec.connection) == (options, ID)
