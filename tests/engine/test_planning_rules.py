"""The parts of planning that are pure: patterns, collisions, the merge with a target listing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Interrupted, Permanent
from engine.local.fsops import FsOps
from engine.local.keywalk import walk_in_key_order
from engine.model import Facts
from engine.pace.cancel import CancelToken
from engine.page import EntryKind, Page, PageBuilder
from engine.planning.collisions import Claims, NameSet, folds_names
from engine.planning.globs import Globs
from engine.planning.merge import KeyOrder, TargetListing
from tests.engine.fake_s3 import by_bytes, by_tree

# -- patterns --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.log", "a.log", True),
        ("*.log", "deep/er/a.log", True),
        ("*.log", "a.log.gz", False),
        (".git", ".git/objects/ab", True),
        (".git/", ".git/objects/ab", True),
        ("build/*", "build/x/y", True),
        ("build/*", "src/build/x", False),
        ("/logs/2025/", "logs/2025/01/a", True),
        ("*/cache", "a/b/cache/x", True),
        ("A.txt", "a.txt", False),
        ("[ab].txt", "b.txt", True),
        ("a\nb", "a\nb", True),
        ("*", "\udcff/x", True),
    ],
)
def test_patterns_match_names_or_paths(pattern: str, path: str, matches: bool) -> None:
    assert Globs(include=[pattern]).takes(path.split("/")) is matches
    assert Globs(exclude=[pattern]).takes(path.split("/")) is not matches


def test_exclude_wins_over_include() -> None:
    globs = Globs(include=["*.txt"], exclude=["old"])
    assert globs.takes(["new", "a.txt"])
    assert not globs.takes(["old", "a.txt"])
    assert globs.skips(["old"])
    assert not globs.skips(["new"])


def test_without_patterns_everything_is_taken() -> None:
    assert Globs().takes_all
    assert Globs(("",), ()).takes(["x"])


# -- collisions ------------------------------------------------------------------------------------


@given(st.lists(st.text(max_size=5), max_size=3000))
def test_name_set_is_a_set(names: list[str]) -> None:
    mine, real = NameSet(), set[str]()
    for name in names:
        assert mine.add(name) is (name not in real)
        real.add(name)
    assert len(mine) == len(real)
    assert all(name in mine for name in real)
    assert "not in there" not in mine


def test_name_set_stays_small() -> None:
    names = NameSet()
    for number in range(100_000):
        names.add(f"some/rather/long/folder/name/{number}")
    assert len(names._slots) * 8 < 24 * 100_000 + 8192


@pytest.mark.parametrize(
    ("first", "second", "folding", "collides"),
    [
        ("a", "a", False, True),
        ("f", "f/g", False, True),
        ("f/g", "f", False, True),
        ("f/g/h/i", "f/g/h", False, True),
        ("A", "a", False, False),
        ("A", "a", True, True),
        ("A/x", "a", True, True),
        ("A/x", "a/y", True, False),
        ("stra\u00dfe", "STRASSE", True, True),
        ("caf\u00e9", "cafe\u0301", False, False),
        ("caf\u00e9", "cafe\u0301", True, True),
        ("a-b", "a/b", False, False),
    ],
)
def test_claims(first: str, second: str, folding: bool, collides: bool) -> None:
    claims = Claims(folding=folding)
    assert claims.file(tuple(first.split("/")))
    assert claims.file(tuple(second.split("/"))) is not collides


def test_folder_claims_meet_files_but_not_each_other() -> None:
    claims = Claims(folding=False)
    assert claims.folder(("d",))
    assert claims.folder(("d",))
    assert claims.file(("d", "x"))
    assert not claims.folder(("d", "x"))
    assert not claims.file(("d",))


class FoldingDisk(FsOps):
    """A file system that does not tell case apart."""

    def lstat(self, path: object, **more: object) -> object:  # type: ignore[override]
        folder, _, name = str(path).rpartition("/")
        for entry in Path(folder or "/").iterdir():
            if entry.name.casefold() == name.casefold():
                return entry.lstat()
        raise FileNotFoundError(path)


def test_file_system_is_asked_whether_it_folds_case(tmp_path: Path) -> None:
    (tmp_path / "1234").touch()
    (tmp_path / "Name").touch()
    assert folds_names(f"{tmp_path}/not/there/yet", FoldingDisk())
    assert not folds_names(f"{tmp_path}/not/there/yet", FsOps())


def test_empty_folder_is_asked_by_its_own_name(tmp_path: Path) -> None:
    empty = tmp_path / "Empty"
    empty.mkdir()
    assert folds_names(str(empty), FoldingDisk())
    assert not folds_names(str(empty), FsOps())


# -- the merge -------------------------------------------------------------------------------------


def pages_of(names: list[str], size: int = 3) -> Iterator[Page]:
    for at in range(0, len(names), size):
        page = PageBuilder(objects=True)
        for name in names[at : at + size]:
            page.add(name, EntryKind.FILE, len(name), 1.0, f"e-{name}")
        yield page.take()


keys = st.lists(st.text("ab-./\u00e9\U0001f600\uffee", min_size=1, max_size=5), unique=True, max_size=25)
orders = st.sampled_from([by_bytes, by_tree])


@given(keys, keys, orders, st.booleans())
def test_merge_never_says_anything_wrong(
    source: list[str], target: list[str], target_order: object, same_server: bool
) -> None:
    source_order = target_order if same_server else by_bytes
    pages = pages_of(sorted(target, key=target_order))  # type: ignore[call-overload]
    listing = TargetListing(pages, same_server=same_server)
    for name in sorted(source, key=source_order):  # type: ignore[call-overload]
        known, facts = listing.find(name)
        if known:
            assert (facts is not None) is (name in target)
        if facts is not None:
            assert facts == Facts(len(name), 1.0, f"e-{name}")
    assert listing.order is not KeyOrder.NONE


@given(keys, keys, orders)
def test_merge_of_two_listings_of_a_known_order_answers_everything(
    source: list[str], target: list[str], order: object
) -> None:
    known_order = KeyOrder.BYTES if order is by_bytes else KeyOrder.TREE
    pages = pages_of(sorted(target, key=order))  # type: ignore[call-overload]
    listing = TargetListing(pages, order=known_order, same_server=True)
    for name in sorted(source, key=order):  # type: ignore[call-overload]
        known, facts = listing.find(name)
        assert known
        assert (facts is not None) is (name in target)


def test_order_of_a_server_is_learnt_from_its_listing() -> None:
    bytewise = TargetListing(pages_of(["a-b", "a/x", "b"]))
    assert bytewise.find("a-a") == (True, None)
    assert bytewise.order is KeyOrder.BYTES
    tree = TargetListing(pages_of(["a/x", "a-b", "b"]))
    assert tree.find("a-b") == (False, None)
    assert tree.order is KeyOrder.TREE
    assert tree.find("a/x")[1] is not None
    assert tree.find("b")[1] is not None


def test_unsorted_listing_is_given_up_and_nothing_is_claimed() -> None:
    listing = TargetListing(pages_of(["c", "a", "b"]))
    assert listing.find("a") == (False, None)
    assert listing.order is KeyOrder.NONE
    assert listing.find("z") == (False, None)


def test_source_that_goes_back_gets_no_promises() -> None:
    for name in ("b", "c"):
        listing = TargetListing(pages_of(["a", "b", "c"]))
        assert listing.find(name)[1] is not None
        assert listing.find("a") == (False, None)


def test_denied_target_listing_is_no_obstacle() -> None:
    def denied() -> Iterator[Page]:
        raise Permanent("access-denied", operation="list")
        yield

    listing = TargetListing(denied())
    assert listing.find("a") == (False, None)


def test_target_listing_is_read_only_as_far_as_needed() -> None:
    read: list[int] = []

    def counted() -> Iterator[Page]:
        for number, page in enumerate(pages_of([f"{n:03}" for n in range(300)])):
            read.append(number)
            yield page

    listing = TargetListing(counted())
    listing.find("004")
    assert read == [0, 1]


# -- the walk --------------------------------------------------------------------------------------


def walked(root: Path) -> list[str]:
    return [
        "/".join(found.parts) + ("/" if found.kind is EntryKind.FOLDER else "")
        for found in walk_in_key_order(str(root), FsOps())
    ]


def test_walk_comes_in_the_order_of_keys(tmp_path: Path) -> None:
    for name in ("a/x", "a-b", "a.txt", "a0", "b/c/d", "b/c-", "B", "\u00e9", "\U0001f600", "\uffee", "z/y"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "a" / "empty").mkdir()
    found = walked(tmp_path)
    assert found == sorted(found, key=by_bytes)
    assert "a/empty/" in found
    assert len(found) == 12


def test_walk_of_an_empty_folder_is_that_folder(tmp_path: Path) -> None:
    assert walked(tmp_path) == ["/"]


def test_walk_goes_on_past_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "open").touch()

    class Closed(FsOps):
        def scandir(self, path: object) -> object:  # type: ignore[override]
            if str(path).endswith("closed"):
                raise PermissionError(13, "Permission denied")
            return super().scandir(path)  # type: ignore[arg-type]

    found = list(walk_in_key_order(str(tmp_path), Closed()))
    assert [(f.parts, f.refusal) for f in found] == [(("closed",), "local-denied"), (("open",), None)]


def test_walk_follows_no_link_out_or_into_a_loop(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tmp_path / "secret").touch()
    (tree / "sub").mkdir()
    (tree / "sub" / "up").symlink_to("../sub")
    (tree / "out").symlink_to("../secret")
    (tree / "gone").symlink_to("nowhere")
    (tree / "file").touch()
    (tree / "in").symlink_to("file")
    found = {"/".join(f.parts): f.refusal for f in walk_in_key_order(str(tree), FsOps())}
    assert found == {
        "sub/up": "symlink-folder",
        "out": "symlink-outside",
        "gone": "symlink-outside",
        "file": None,
        "in": None,
    }


def test_cancelled_walk_stops(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).touch()
    token = CancelToken()
    walk = walk_in_key_order(str(tmp_path), FsOps(), token)
    next(walk)
    token.cancel("test")
    with pytest.raises(Interrupted):
        next(walk)
