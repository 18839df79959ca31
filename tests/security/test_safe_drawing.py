"""Nothing is drawn, printed or told that has not passed `safe_text.display`: read off the source.

A string reaches the terminal through a handful of calls. What is put into one must be a constant, a number,
or come from a function that makes text safe; whatever else stands there is listed below, with the reason
why it is safe. A new one fails this test until somebody has looked at it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TUI = Path(__file__).parents[2] / "tui"

SINKS = {"print", "Static", "Content", "Text", "Segment", "notify", "tell", "write", "update", "from_markup"}
"""By the last part of the function's name; ``say`` of the notice line too. `streams.complain` and
`Progress.say` make safe what they are given."""

SAFE = {
    "display",
    "plain",
    "stand_ins",
    "counted",
    "len",
    "dumps",
    "sheet",
    "bar",
    "Content",
    "key_of",
    "undo_hint",
}
"""Functions whose result is safe whatever they are given, or that are looked at by themselves. Keys of the user's own
are letters that `keymap` has looked at, or names of ours."""

KEEPING = {"cut", "pad", "middle", "path_tail", "join", "max", "min", "str", "in_border", "wrap", "rstrip"}
"""Functions whose result is safe if what they are given is."""

LOOKED_AT = {
    # numbers, and words of our own
    ("__main__.py", "__version__"),
    ("chooser.py", "remark"),
    ("compare_actions.py", "refused"),
    ("compare_line.py", "room"),
    ("compare_line.py", "self._hint"),
    ("copy_actions.py", "refused"),
    ("item_limit_actions.py", "refused"),
    ("dialog.py", "self._hint"),
    ("dry_run.py", "size"),
    ("dry_run.py", "spec.kind.value"),
    ("dry_run.py", "tail"),
    ("find_actions.py", "_sum(so_far, here)"),
    ("find_actions.py", "_sum(whole, here)"),
    ("form.py", "field.label"),
    ("key_bar.py", "hint.key"),
    ("key_bar.py", "hint.label"),
    ("key_bar.py", "room"),
    ("line_table.py", "left"),
    ("picture_view.py", "_UPPER_HALF"),
    ("picture_view.py", "before"),
    ("plan.py", "newer"),
    ("plan.py", "plan_words.progress(tally)"),
    ("plan.py", "plan_words.sums(cost, self._choice, tally, move=self._move)"),
    ("plan.py", "title"),
    ("plan.py", "took"),
    ("plan.py", "words.glyph"),
    ("plan.py", "words.label"),
    ("preview.py", "[*hints, 'Esc: back']"),
    ("preview.py", "self._facts_line(found)"),
    ("prompt.py", "cells"),
    ("queue_actions.py", "limit_words(*self._limits())"),
    ("queue_actions.py", "why_not_retried(item)"),
    ("schedule_actions.py", "limit_words(*limits)"),
    ("schedule_actions.py", "until"),
    ("settings_actions.py", "setting.name"),
    ("skeleton.py", "before"),
    ("skeleton.py", "ends[0]"),
    ("skeleton.py", "ends[1]"),
    ("skeleton.py", "room"),
    ("skeleton.py", "said"),
    ("speed_panel.py", "cells"),
    ("speed_panel.py", "text"),
    ("speed_panel.py", "used"),
    ("status.py", "pid"),
    ("tidings.py", "how"),
    ("tidings.py", "others"),
    ("tidings.py", "self._greeting"),
    ("tidings.py", "what"),
    ("transfer_table.py", "parts"),
    ("transfer_table.py", "room"),
    ("transfer_table.py", "said[1]"),
    ("unfinished_base.py", "self.HINTS"),
    ("unfinished_base.py", "self.size.width"),
    ("unfinished_base.py", "self.sums()"),
    # made safe where they are made, in the same function or the one that is called
    ("answer_bar.py", "bar_words(name_of(row), self._answers, max(self.screen.size.width - 6, 20))"),
    ("base.py", "before"),
    ("base.py", "doing"),
    ("base.py", "text"),
    ("commands.py", "name"),
    ("compare_line.py", "text"),
    ("chooser.py", "line.drawn(cells)"),
    ("comparison.py", "line(found)"),
    ("copied.py", "shown"),
    ("listed.py", "line(prefix, page)"),
    ("copy_actions.py", "said"),
    ("details.py", "text"),
    ("dialog.py", "self._texts[index]"),
    ("elsewhere.py", "parts"),
    ("file_pane.py", "Content.assemble((where, 'bold'), (extra, 'not bold'))"),
    ("find_actions.py", "_what(folders)"),
    ("find_actions.py", "stays"),
    ("finding_pane.py", "Content.assemble((found, 'bold'), (where, 'not bold'))"),
    ("finding_pane.py", "title"),
    ("line_table.py", "text"),
    ("place_actions.py", "nothing"),
    ("place_actions.py", "what"),
    ("plan.py", "parts"),
    ("plan.py", "self._title()"),
    ("progress.py", "line"),
    ("progress.py", "parts"),
    ("status.py", "line(row)"),
    ("themes.py", "text"),
    ("tidings.py", "name"),
    ("tidings.py", "why"),
    ("unfinished_base.py", "self._doing"),
    ("versions.py", "Content.assemble(f'versions of {where}', (to, 'not bold'))"),
    ("whole_line.py", "lines"),
    # told to `undo.promise`, which knows the two words that a server may say
    ("versioning.py", "found['Versioning']"),
    # titles of dialogs, which make them safe
    ("compare_actions.py", "side"),
    ("find_actions.py", "places.address(pane.location)"),
    ("group_actions.py", "name"),
    ("profile_actions.py", "was"),
    ("upload_actions.py", "places.address(location)"),
    # written to a file, or to the parent of the process
    ("apart.py", "out"),
    ("consent.py", "origin"),
    ("demo_data.py", "piece[:min(_MIB, BIG_BYTES - number)]"),
    ("leaving.py", "out"),
    ("private_file.py", "data"),
}


def name_of(function: ast.expr) -> str:
    return (
        function.attr
        if isinstance(function, ast.Attribute)
        else function.id
        if isinstance(function, ast.Name)
        else ""
    )


def unsafe(node: ast.expr) -> Iterator[str]:
    """The parts of an expression that nobody has made safe."""
    match node:
        case ast.Constant():
            return
        case ast.JoinedStr(values=values):
            for value in values:
                yield from unsafe(value)
        case ast.FormattedValue(value=value, format_spec=spec):
            is_number = spec is not None and "," in ast.unparse(spec)
            if not is_number:
                yield from unsafe(value)
        case ast.BinOp(left=left, right=right):
            yield from unsafe(left)
            yield from unsafe(right)
        case ast.IfExp(body=body, orelse=other):
            yield from unsafe(body)
            yield from unsafe(other)
        case ast.BoolOp(values=values):
            for value in values:
                yield from unsafe(value)
        case ast.GeneratorExp(elt=element) | ast.ListComp(elt=element):
            yield from unsafe(element)
        case ast.Call(func=function, args=args):
            is_format = isinstance(function, ast.Attribute) and ast.unparse(function.value) == "format"
            if name_of(function) in SAFE or is_format:
                return
            if name_of(function) in KEEPING:
                for arg in args:
                    yield from unsafe(arg)
                return
            yield ast.unparse(node)
        case _:
            yield ast.unparse(node)


def found() -> set[tuple[str, str]]:
    """File and expression of everything that reaches a terminal without having been made safe on the spot."""
    result = set()
    for path in sorted(TUI.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            given: list[ast.expr] = []
            if isinstance(node, ast.Call):
                name = name_of(node.func)
                is_notice = name == "say" and "notice" in ast.unparse(node.func)
                if (name in SINKS or is_notice) and node.args:
                    given = node.args if name == "print" else node.args[:1]
            elif isinstance(node, ast.Assign):
                targets = {ast.unparse(target).rpartition(".")[2] for target in node.targets}
                if targets & {"border_title", "border_subtitle", "title", "sub_title", "tooltip"}:
                    given = [node.value]
            for each in given:
                result |= {(path.name, text) for text in unsafe(each)}
    return result


def test_whatever_reaches_the_terminal_has_been_made_safe_or_looked_at() -> None:
    new = found() - LOOKED_AT
    assert not new, "make these safe (safe_text.display), or say below why they are"


def test_what_was_looked_at_is_still_there() -> None:
    assert LOOKED_AT <= found()


def test_markup_is_never_parsed() -> None:
    """Every Static and every notice is told that its text is no markup, or gets `Content`."""
    for path in sorted(TUI.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or name_of(node.func) not in ("Static", "notify"):
                continue
            told = {word.arg: ast.unparse(word.value) for word in node.keywords}
            first = ast.unparse(node.args[0]) if node.args else ""
            assert told.get("markup") == "False" or first.startswith(("plain(", "Content(")), (
                f"{path.name}: {ast.unparse(node)}"
            )
        assert "from_markup" not in path.read_text(encoding="utf-8"), path.name
