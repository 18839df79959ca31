"""Who may import whom, so that the engine could drive any front end and a command starts at once."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.seaweed import ROOT, clean_environment

ENGINE_MAY = frozenset(("engine", "boto3", "botocore", "urllib3", "tinydb", "awscrt"))
"""Beside the standard library; `awscrt` is the optional extra for CRC64NVME."""
HEAVY = ("boto3", "botocore", "s3transfer", "urllib3", "textual", "rich", "humanize", "platformdirs", "tui")


def imports(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, module and imported name of every import, also inside functions and for type checking only."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, ""
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            for alias in node.names:
                yield node.lineno, node.module or "", alias.name


def files(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    assert found
    return found


def modules_after(statement: str, tmp_path: Path) -> set[str]:
    """The modules that a fresh interpreter has loaded after running this."""
    code = f"import sys\n{statement}\nprint('\\n'.join(['', 'LOADED', *sys.modules]))"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(ran.stdout.partition("\nLOADED\n")[2].splitlines())


def heavy(modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] in HEAVY}


def test_the_engine_imports_only_what_it_may() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in files("engine")
        for line, module, _ in imports(path)
        if (top := module.partition(".")[0]) not in sys.stdlib_module_names and top not in ENGINE_MAY
    ]
    assert wrong == []


def test_the_terminal_uses_only_what_the_engine_exports() -> None:
    import engine

    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}.{name}"
        for path in files("tui")
        for line, module, name in imports(path)
        if module.partition(".")[0] == "engine" and (module != "engine" or name not in engine.__all__)
    ]
    assert wrong == []


def test_widgets_know_no_screen_and_screens_no_app() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in files("tui")
        for line, module, _ in imports(path)
        if (path.parent.name == "widgets" and module.startswith(("tui.screens", "tui.app")))
        or (path.parent.name == "screens" and module == "tui.app")
    ]
    assert wrong == []


def test_all_that_the_engine_exports_is_there() -> None:
    import engine

    assert [name for name in engine.__all__ if not hasattr(engine, name)] == []
    assert sorted(engine.__all__, key=lambda name: (name[0].islower(), name)) == sorted(
        set(engine.__all__), key=lambda name: (name[0].islower(), name)
    )


def test_importing_the_engine_loads_no_client_and_no_screen(tmp_path: Path) -> None:
    assert heavy(modules_after("import engine", tmp_path)) == set()


@pytest.mark.parametrize("words", [["--version"], ["status"], ["--help"]])
def test_what_asks_no_server_loads_no_client_and_no_screen(words: list[str], tmp_path: Path) -> None:
    loaded = heavy(modules_after(f"import tui.__main__\ntui.__main__.main({words})", tmp_path))
    allowed = {"tui", "rich", "platformdirs", "humanize"}
    assert {name for name in loaded if name.partition(".")[0] not in allowed} == set()


def test_the_version_is_told_without_loading_the_engine(tmp_path: Path) -> None:
    loaded = modules_after("import tui.__main__\ntui.__main__.main(['--version'])", tmp_path)
    assert {name for name in loaded if name.partition(".")[0] in (*HEAVY, "engine")} == {
        "tui",
        "tui.__main__",
    }


def test_copying_without_a_screen_never_loads_it(tmp_path: Path) -> None:
    loaded = modules_after("import tui.headless, tui.comparison, tui.dry_run, tui.status", tmp_path)
    assert not {name for name in loaded if name.partition(".")[0] == "textual"}
