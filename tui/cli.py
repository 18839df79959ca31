"""Runs a command line: parses it, calls what does the work, turns errors into exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from engine import EngineError, StateLocked, TransferError, UsageError, explain
from tui.options import parse
from tui.safe_text import display
from tui.setup import Setup

DONE, NOT_DONE, USAGE, LOCKED = 0, 1, 2, 3


def run(argv: Sequence[str]) -> int:
    """Do what the command line says; returns the exit code."""
    try:
        args = parse(argv)
        return _run(Setup.of(args))
    except SystemExit as exit:
        return exit.code if isinstance(exit.code, int) else USAGE
    except UsageError as error:
        complain(str(error))
        return USAGE
    except StateLocked as error:
        complain(f"{error}; only one process at a time can move its items")
        return LOCKED
    except TransferError as error:
        complain(str(explain(error)))
        return NOT_DONE
    except EngineError as error:
        complain(str(error))
        return NOT_DONE
    except BrokenPipeError:
        # Whoever read our output has gone; nothing may be written at exit either.
        sys.stdout = None
        return NOT_DONE
    except KeyboardInterrupt:
        return 130


def complain(text: str) -> None:
    """One line on standard error."""
    print(f"s3tui: {display(text)}", file=sys.stderr)


def _run(setup: Setup) -> int:
    match setup.args.command:
        case "cp":
            from tui.headless import copy

            return copy(setup)
        case "run":
            from tui.headless import finish_queue

            return finish_queue(setup)
        case "status":
            from tui.status import status

            return status(setup)
        case "verify":
            from tui.comparison import verify_places

            return verify_places(setup)
        case "demo":
            from tui.demo import demo

            return demo(setup)
    from tui.launch import open_app

    return open_app(setup)
