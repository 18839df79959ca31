"""Runs a command line: parses it, calls what does the work, turns errors into exit codes."""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine import EngineError, StateLocked, TransferError, UsageError, explain
from tui.options import parse
from tui.streams import complain, through_a_hangup, write_nothing_more

if TYPE_CHECKING:
    from tui.settings import Settings
    from tui.setup import Setup

DONE, NOT_DONE, USAGE, LOCKED = 0, 1, 2, 3


def run(argv: Sequence[str]) -> int:
    """Do what the command line says; returns the exit code."""
    _write_anything()
    if not logging.getLogger().handlers:
        # Until there is a log file nothing is logged: Python would write it on the terminal, raw.
        logging.getLogger().addHandler(logging.NullHandler())
    try:
        code = _run(parse(argv))
        with through_a_hangup():
            # Here an error can be told from others; at exit it would replace the exit code.
            sys.stdout.flush()
            sys.stderr.flush()
        return code
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
        write_nothing_more()
        return NOT_DONE
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        # A traceback on the terminal would show raw names, and help nobody who did not write this.
        logging.getLogger(__name__).exception("the command failed")
        from tui.log import log_path, redact

        why = redact(f"{type(error).__name__}: {error}")
        where = f"; see the log file {log_path()}" if log_path() else ""
        complain(f"an internal error ({why}){where}")
        return NOT_DONE


def _write_anything() -> None:
    """What the terminal's encoding cannot hold is written in ASCII, and stops nothing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _run(args: argparse.Namespace) -> int:
    match args.command:
        case "status":
            from tui.status import status

            return status(args)
        case "receipt":
            from tui.receipt import receipt

            return receipt(args)
        case "demo":
            from tui.demo import demo

            return demo(args)
    if args.command == "app":
        from tui import settings
        from tui.launch import open_app

        found = settings.load(os.environ)
        return open_app(args, found, lambda: _setup(args, found))
    setup = _setup(args)
    match args.command:
        case "cp":
            from tui.headless import copy

            return copy(setup)
        case "run":
            from tui.headless import finish_queue

            return finish_queue(setup)
        case "verify":
            from tui.comparison import verify_places

            return verify_places(setup)
        case "ls":
            from tui.listed import list_place

            return list_place(setup)
    raise AssertionError(args.command)


def _setup(args: argparse.Namespace, settings: Settings | None = None) -> Setup:
    from tui.setup import Setup

    return Setup.of(args, settings=settings)
