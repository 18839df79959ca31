"""Every fault of the catalogue has a test of its own."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.catalogue import FAULTS

TESTS = Path(__file__).parent


def marked() -> dict[int, list[str]]:
    """The tests that carry each number."""
    found: dict[int, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for number in _numbers(node):
                    found[number].append(f"{path.relative_to(TESTS)}::{node.name}")
    return found


def _numbers(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[int]:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.fault":
            yield from (ast.literal_eval(argument) for argument in decorator.args)


def test_the_catalogue_is_numbered_from_1_to_62() -> None:
    assert [fault.number for fault in FAULTS] == list(range(1, 63))


def test_no_test_claims_a_fault_that_is_not_in_the_catalogue() -> None:
    assert set(marked()) <= {fault.number for fault in FAULTS}


def test_every_fault_of_the_catalogue_has_a_test() -> None:
    found = marked()
    assert not [f"{fault.number}: {fault.what}" for fault in FAULTS if fault.number not in found]
