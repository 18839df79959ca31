"""A pane's rows: however pages come, what is shown is what a plain sort and filter would show."""

from __future__ import annotations

import fnmatch
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import EntryKind, Page
from tui.widgets import pane_order
from tui.widgets.pane_model import PaneModel, Row
from tui.widgets.pane_order import SortKey, matcher

Rows = list[tuple[str, int, float, EntryKind]]

NAMES = st.text(alphabet="abAB1./é漢", min_size=1, max_size=6)
ROWS = st.lists(
    st.tuples(
        NAMES,
        st.integers(-1, 50),
        st.floats(0, 100),
        st.sampled_from([EntryKind.FILE, EntryKind.FOLDER, EntryKind.LINK]),
    ),
    max_size=60,
)


def page(rows: Rows) -> Page:
    """The rows as columns."""
    return Page(
        [r[0] for r in rows],
        array("q", [r[1] for r in rows]),
        array("d", [r[2] for r in rows]),
        bytearray(int(r[3]) for r in rows),
    )


def finish(model: PaneModel) -> None:
    """Do all the work there is."""
    while model.is_busy:
        model.work()


def model_of(pages: list[Rows], **facts: object) -> PaneModel:
    """A model that has read these pages."""
    model = PaneModel(**facts)  # type: ignore[arg-type]
    for rows in pages:
        model.add_page(page(rows))
        model.work()
    model.complete = True
    finish(model)
    return model


def shown(model: PaneModel) -> list[Row]:
    """What is shown, in order."""
    return [model.row(position) for position in range(len(model))]


def expected(pages: list[Rows], sort: SortKey, descending: bool) -> list[Row]:
    """The same by plain means; equal keys in any order."""
    rows = [Row(name, kind, size, mtime) for rows in pages for name, size, mtime, kind in rows]
    folders = sorted((r for r in rows if r.is_folder), key=lambda r: r.name)
    if descending and sort is SortKey.NAME:
        folders.reverse()
    files = [r for r in rows if not r.is_folder]
    files.sort(key=lambda r: KEYS[sort](r), reverse=descending)
    return folders + files


KEYS = {
    SortKey.NAME: lambda row: row.name,
    SortKey.SIZE: lambda row: row.size,
    SortKey.DATE: lambda row: row.mtime,
}


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pane_order, "SLICE", 7)


@settings(max_examples=150)
@given(st.lists(ROWS, max_size=4), st.sampled_from(list(SortKey)), st.booleans())
def test_any_pages_end_up_sorted_with_folders_first(
    pages: list[Rows], sort: SortKey, descending: bool
) -> None:
    rows = shown(model_of(pages, sort=sort, descending=descending))
    plain = expected(pages, sort, descending)
    assert [KEYS[sort](r) for r in rows if not r.is_folder] == [
        KEYS[sort](r) for r in plain if not r.is_folder
    ]
    assert [r.name for r in rows if r.is_folder] == [r.name for r in plain if r.is_folder]
    assert sorted(map(repr, rows)) == sorted(map(repr, plain))


@settings(max_examples=100)
@given(st.lists(ROWS, max_size=3), st.sampled_from(list(SortKey)), st.booleans())
def test_sorting_again_gives_what_sorting_at_once_gives(
    pages: list[Rows], sort: SortKey, descending: bool
) -> None:
    again = model_of(pages)
    again.set_sort(sort, descending=descending)
    finish(again)
    assert [KEYS[sort](r) for r in shown(again) if not r.is_folder] == [
        KEYS[sort](r) for r in expected(pages, sort, descending) if not r.is_folder
    ]


@settings(max_examples=150)
@given(st.lists(ROWS, max_size=3), st.sampled_from(["a", "A", "b1", "*", "a*", "?", "[", ".", "漢"]))
def test_the_filter_shows_what_matches_and_nothing_else(pages: list[Rows], text: str) -> None:
    model = model_of(pages[:1])
    model.set_filter(text)
    for rows in pages[1:]:
        model.add_page(page(rows))
        model.work()
    finish(model)
    fold = text == text.lower()
    names = [name for rows in pages for name, *_ in rows]
    plain = [(name.lower() if fold else name) for name in names]
    if "*" in text or "?" in text:
        wanted = [n for n, p in zip(names, plain, strict=True) if fnmatch.fnmatchcase(p, text)]
    else:
        wanted = [n for n, p in zip(names, plain, strict=True) if text in p]
    assert sorted(r.name for r in shown(model)) == sorted(wanted)
    model.set_filter("")
    assert len(model) == len(names)


@given(st.lists(ROWS, min_size=1, max_size=3), st.booleans())
def test_a_position_and_its_row_find_each_other(pages: list[Rows], descending: bool) -> None:
    model = model_of(pages, descending=descending)
    for position in range(len(model)):
        assert model.position(model.index(position)) == position
    assert model.position(10_000) is None


@given(st.lists(ROWS, min_size=1, max_size=3), st.data())
def test_marks_are_counted_exactly(pages: list[Rows], data: st.DataObject) -> None:
    model = model_of(pages)
    for _ in range(5):
        if len(model):
            position = data.draw(st.integers(0, len(model) - 1))
            model.set_mark(model.index(position), data.draw(st.booleans()))
        match data.draw(st.integers(0, 4)):
            case 0:
                model.invert()
            case 1:
                model.mark_pattern("a*", data.draw(st.booleans()))
            case 2:
                model.set_filter("a")
                finish(model)
                model.mark_all()
                model.set_filter("")
        marked = model.marked()
        assert model.marked_count == len(marked)
        assert model.marked_folders == sum(row.is_folder and row.size < 0 for row in marked)
        assert model.marked_bytes == sum(max(row.size, 0) for row in marked)


def test_marks_are_kept_by_name_when_a_place_is_read_again() -> None:
    rows: Rows = [("a", -1, 0, EntryKind.FOLDER), ("a", 5, 0, EntryKind.FILE), ("b", 7, 0, EntryKind.FILE)]
    model = model_of([rows])
    model.mark_pattern("a")
    assert model.marked_tokens() == {"a", "a/"}
    again = PaneModel()
    again.add_page(page([("b", 8, 0, EntryKind.FILE), ("a", 6, 0, EntryKind.FILE)]))
    again.mark_tokens(model.marked_tokens())
    assert [row.name for row in again.marked()] == ["a"]
    assert again.marked_bytes == 6


def test_rows_that_come_in_order_are_in_place_at_once() -> None:
    model = PaneModel()
    for start in range(0, 5_000, 1_000):
        model.add_page(page([(f"k{n:05d}", n, 0.0, EntryKind.FILE) for n in range(start, start + 1_000)]))
        assert not model.is_busy
        assert model.row(len(model) - 1).name == f"k{start + 999:05d}"


def test_a_long_listing_is_sorted_in_slices_while_the_old_order_stays() -> None:
    rows: Rows = [(f"{n * 7919 % 500:03d}", n * 7919 % 500, 0.0, EntryKind.FILE) for n in range(500)]
    model = model_of([rows])
    before = [row.name for row in shown(model)]
    model.set_sort(SortKey.SIZE, descending=True)
    steps = 0
    while model.is_busy:
        changed = model.work()
        steps += 1
        if not changed:
            assert sorted(row.name for row in shown(model)) == before
    assert steps > 20
    assert [row.size for row in shown(model)] == list(range(499, -1, -1))


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        ("tar", "DUMP.TAR", True),
        ("TAR", "dump.tar", False),
        ("*.tar", "x.tar.gz", False),
        ("x.?ar", "X.tar", True),
        ("[a]*", "[a]b", True),
        ("[a]*", "ab", False),
        ("\\", "a\\b", True),
    ],
)
def test_patterns(pattern: str, name: str, found: bool) -> None:
    assert matcher(pattern)(name) is found
