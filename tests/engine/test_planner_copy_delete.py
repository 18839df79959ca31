"""Server-side copies and deletions as they are planned."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.errors import NeedsAnswer, UsageError
from engine.model import (
    DeleteRequest,
    ItemKind,
    LocalRef,
    ObjectRef,
    Place,
    Request,
    TransferOptions,
    TransferRequest,
    TransferSpec,
)
from engine.pace.cancel import CancelToken
from tests.engine.fake_s3 import ID, FakeS3, by_tree, planner, s3

__all__ = ["s3"]


def copy(
    keys: Sequence[str],
    target: str,
    *,
    bucket: str = "b",
    options: TransferOptions | None = None,
    under: bool = False,
) -> TransferRequest:
    sources = tuple(ObjectRef("b", key) for key in keys)
    to = ObjectRef(bucket, target)
    return TransferRequest(sources, to, ID, options or TransferOptions(), under_base_name=under)


def plan(s3: FakeS3, wanted: Request) -> list[TransferSpec]:
    return [spec for batch in planner(s3).plan(wanted, CancelToken()) for spec in batch]


def shown(specs: list[TransferSpec]) -> list[str]:
    return [f"{s.source} {'✗ ' + s.refusal if s.refusal else f'→ {s.target}'}" for s in specs]


def refuses(s3: FakeS3, wanted: Request) -> str:
    with pytest.raises(UsageError) as error:
        plan(s3, wanted)
    return str(error.value)


# -- copies ----------------------------------------------------------------------------------------


def test_every_key_is_copied_as_it_is(s3: FakeS3) -> None:
    """What could be no file is still a fine key: markers, ``//``, dots."""
    s3.put("b", "p/", "p/a", "p/d/", "p/x//y", "p/../z", size=0).put("c")
    specs = plan(s3, copy(["p/"], "q/", bucket="c"))
    assert shown(specs) == [
        "s3://b/p/ → s3://c/q/",
        "s3://b/p/../z → s3://c/q/../z",
        "s3://b/p/a → s3://c/q/a",
        "s3://b/p/d/ → s3://c/q/d/",
        "s3://b/p/x//y → s3://c/q/x//y",
    ]
    assert {spec.kind for spec in specs} == {ItemKind.COPY}


def test_own_marker_of_a_prefix_has_no_place_in_a_whole_bucket(s3: FakeS3) -> None:
    s3.put("b", "p/", "p/a").put("c")
    assert shown(plan(s3, copy(["p/"], "", bucket="c"))) == ["s3://b/p/a → s3://c/a"]


def test_objects_and_prefixes_follow_the_rules_of_targets(s3: FakeS3) -> None:
    s3.put("b", "p/a", "d/e/x").put("c")
    assert shown(plan(s3, copy(["p/a"], "q/", bucket="c"))) == ["s3://b/p/a → s3://c/q/a"]
    assert shown(plan(s3, copy(["p/a"], "q", bucket="c"))) == ["s3://b/p/a → s3://c/q"]
    assert shown(plan(s3, copy(["d/e/"], "q", bucket="c"))) == ["s3://b/d/e/x → s3://c/q/x"]
    both = plan(s3, copy(["p/a", "d/e/"], "q", bucket="c"))
    assert shown(both) == ["s3://b/p/a → s3://c/q/a", "s3://b/d/e/x → s3://c/q/e/x"]


@pytest.mark.parametrize(
    ("sources", "target", "under"),
    [
        (["p/"], "p/", False),
        (["p/"], "p", False),
        (["p/"], "p/q/", False),
        ([""], "backup/", False),
        (["p/"], "", True),
        (["p/a"], "p/a", False),
        (["p/a"], "p/", False),
        (["p/a", "p/d/"], "p/", False),
    ],
)
def test_copies_onto_or_into_themselves_are_refused(
    s3: FakeS3, sources: list[str], target: str, under: bool
) -> None:
    s3.put("b", "p/a", "p/d/x")
    text = refuses(s3, copy(sources, target, under=under))
    assert "source and target are both" in text or "is inside the source" in text


def test_a_prefix_beside_the_source_is_not_inside_it(s3: FakeS3) -> None:
    s3.put("b", "p/a")
    assert shown(plan(s3, copy(["p/"], "p2/"))) == ["s3://b/p/a → s3://b/p2/a"]


def test_an_older_version_may_be_copied_onto_its_key(s3: FakeS3) -> None:
    s3.put("b", "k")
    wanted = TransferRequest((ObjectRef("b", "k", "v1"),), ObjectRef("b", "k"), ID)
    assert plan(s3, wanted)[0].source == ObjectRef("b", "k", "v1")


@pytest.mark.parametrize("order", [None, by_tree])
def test_targets_are_known_whatever_the_order_of_the_server(s3: FakeS3, order: object) -> None:
    if order is not None:
        s3.order = order  # type: ignore[assignment]
    names = ["a-b", "a/x", "a.txt", "b", "b/c", "b-c"]
    s3.put("b", *(f"p/{n}" for n in names)).put("c", "q/a-b", "q/a/x", "q/b-c", "q/0", "q/z")
    specs = plan(s3, copy(["p/"], "q/", bucket="c"))
    assert all(spec.target_was_listed for spec in specs)
    there = {str(spec.target) for spec in specs if spec.target_facts is not None}
    assert there == {"s3://c/q/a-b", "s3://c/q/a/x", "s3://c/q/b-c"}
    assert s3.asked == ["LIST b/p/", "LIST c/q/"]


def test_sources_of_one_base_name_collide_and_keys_may_grow_too_long(s3: FakeS3) -> None:
    s3.put("b", "p/same", "q/same", "p/" + "x" * 1020).put("c")
    specs = plan(s3, copy(["p/same", "q/same"], "t/", bucket="c"))
    assert [spec.refusal for spec in specs] == [None, "name-collision"]
    long = plan(s3, copy(["p/"], "longer-prefix/", bucket="c"))
    assert [spec.refusal for spec in long] == [None, "key-too-long"]


def test_target_of_which_only_the_prefix_exists_is_not_guessed_about(s3: FakeS3) -> None:
    s3.put("b", "a").put("c", "q/x")
    assert "s3://c/q/" in refuses(s3, copy(["a"], "q", bucket="c"))


def test_patterns_decide_below_the_prefix(s3: FakeS3) -> None:
    s3.put("b", "p/a.log", "p/b.txt").put("c")
    options = TransferOptions(include=("*.log",))
    assert shown(plan(s3, copy(["p/"], "", bucket="c", options=options))) == ["s3://b/p/a.log → s3://c/a.log"]


def test_buckets_as_a_whole(s3: FakeS3) -> None:
    s3.put("b", "a").put("c")
    assert shown(plan(s3, copy([""], "x/", bucket="c"))) == ["s3://b/a → s3://c/x/a"]
    under = plan(s3, copy([""], "x/", bucket="c", under=True))
    assert shown(under) == ["s3://b/a → s3://c/x/b/a"]
    nameless = TransferRequest((ObjectRef(""),), ObjectRef("c", ""), ID)
    assert "name a bucket" in refuses(s3, nameless)


# -- deletions -------------------------------------------------------------------------------------


def delete(*places: Place, local: bool = False) -> DeleteRequest:
    return DeleteRequest(places, None if local else ID)


def test_each_named_place_is_one_item_with_all_below_it(s3: FakeS3) -> None:
    s3.put("b", "p/x", "p/y", "f", size=5)
    specs = plan(s3, delete(ObjectRef("b", "p/"), ObjectRef("b", "f"), ObjectRef("b", "")))
    assert [(str(s.source), s.size) for s in specs] == [("s3://b/p/", -1), ("s3://b/f", 5), ("s3://b/", -1)]
    assert all(s.kind is ItemKind.DELETE and s.target == s.source and s.connection == ID for s in specs)


def test_what_is_gone_already_is_left_out_unless_all_is(s3: FakeS3) -> None:
    s3.put("b", "f")
    assert len(plan(s3, delete(ObjectRef("b", "f"), ObjectRef("b", "gone")))) == 1
    assert "s3://b/gone does not exist" in refuses(s3, delete(ObjectRef("b", "gone")))


def test_many_marked_objects_cost_one_listing(s3: FakeS3) -> None:
    s3.put("b", *(f"p/{n:03}" for n in range(100)), "p/d/x")
    marked = [ObjectRef("b", f"p/{n:03}") for n in range(100)]
    assert len(plan(s3, delete(*marked, ObjectRef("b", "p/d/")))) == 101
    assert s3.asked == ["LIST b/p/"]


def test_local_links_are_deleted_themselves(s3: FakeS3, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "file").write_bytes(b"123")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "dangling").symlink_to("nowhere")
    places = [LocalRef(f"{tmp_path}/{name}") for name in ("real", "file", "link/", "dangling")]
    specs = plan(s3, delete(*places, local=True))
    assert [(str(s.source).removeprefix(f"{tmp_path}/"), s.size) for s in specs] == [
        ("real/", -1),
        ("file", 3),
        ("link", 0),
        ("dangling", 0),
    ]
    assert not s3.asked
    assert {spec.connection for spec in specs} == {None}


def test_what_may_not_be_deleted_is_refused(s3: FakeS3, tmp_path: Path) -> None:
    assert "whole disk" in refuses(s3, delete(LocalRef("/"), local=True))
    assert "list of buckets" in refuses(s3, delete(ObjectRef("")))
    assert "absolute" in refuses(s3, delete(LocalRef("x"), local=True))
    assert "does not exist" in refuses(s3, delete(LocalRef(f"{tmp_path}/gone"), local=True))
    s3.profile.read_only = True
    assert "read-only" in refuses(s3, delete(ObjectRef("b", "k")))
    with pytest.raises(NeedsAnswer):
        plan(s3, delete(ObjectRef("b", "k"), local=True))
