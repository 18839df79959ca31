"""The command line's words: commands, options, and what they are parsed to."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

from engine import ConflictPolicy, UsageError
from tui import __version__
from tui.limits import parse_limits
from tui.sizes import parse_count, parse_seconds, parse_size, parse_sse

COMMANDS = ("cp", "run", "status", "receipt", "verify", "ls", "demo")

T = TypeVar("T")

_ABOUT = "Move big files between a local disk and S3, and lose nothing. Without a command: the screen."


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, and leaves the ending to the caller."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of exit.

        Raises:
            UsageError: Always.
        """
        raise UsageError(f"{message} (see: {self.prog} --help)")


_ONLY = {"dry_run": ("cp",), "state_dir": tuple(name for name in ("app", *COMMANDS) if name != "demo")}
"""Options that not every command takes, and those that do."""


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The parsed command line; ``command`` is one of `COMMANDS`, or ``app``.

    Raises:
        UsageError: It makes no sense.
        SystemExit: ``--help`` and ``--version``, after printing.
    """
    common = _common()
    command, rest = _command(list(argv), common)
    for option in common._actions:
        if option.dest in _ONLY and command not in _ONLY[option.dest]:
            option.help = argparse.SUPPRESS  # It is refused, with the reason.
    parser = Parser(
        prog="s3tui" if command == "app" else f"s3tui {command}",
        parents=[common],
        description=_DESCRIPTIONS[command],
        epilog=_EPILOG if command == "app" else None,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _POSITIONALS[command](parser)
    parsed = parser.parse_args(rest)
    parsed.command = command
    if parsed.dry_run and command != "cp":
        raise UsageError("--dry-run is for cp; s3tui status shows what is queued")
    return parsed


def _command(argv: list[str], common: argparse.ArgumentParser) -> tuple[str, list[str]]:
    """The first word that is no option and no option's value decides."""
    takes_value = {
        name
        for action in common._actions
        if action.nargs is None and action.const is None
        for name in action.option_strings
    } - {"-h", "--help", "--version"}
    index = 0
    while index < len(argv):
        word = argv[index]
        if word == "--":
            break
        if word.startswith("-") and word != "-":
            index += 2 if word in takes_value else 1
            continue
        if word in COMMANDS:
            return word, argv[:index] + argv[index + 1 :]
        break
    return "app", argv


def _checked(check: Callable[[str], T]) -> Callable[[str], T]:
    """A parser of ours as argparse wants it."""

    def convert(text: str) -> T:
        try:
            return check(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def _common() -> argparse.ArgumentParser:
    parser = Parser(add_help=False, allow_abbrev=False)
    where = parser.add_argument_group("where")
    where.add_argument(
        "--profile", metavar="NAME", help="profile of the AWS files, or an endpoint of config.toml"
    )
    where.add_argument("--endpoint-url", metavar="URL", help="S3-compatible server instead of AWS")
    where.add_argument("--region", metavar="NAME")
    where.add_argument("--no-sign-request", action="store_true", help="for public buckets")
    where.add_argument(
        "--allow-http", action="store_true", help="accept an http:// endpoint on another machine"
    )
    where.add_argument("--read-only", action="store_true", help="refuse whatever writes or deletes on S3")
    where.add_argument("--request-payer", action="store_true", help="accept that requests are charged")
    where.add_argument("--state-dir", metavar="DIR", help="where the queue is kept (S3TUI_STATE_DIR)")
    how = parser.add_argument_group("how")
    how.add_argument(
        "--on-conflict",
        choices=[p.value for p in ConflictPolicy],
        metavar="|".join(p.value for p in ConflictPolicy),
    )
    how.add_argument(
        "--workers",
        type=_checked(lambda text: parse_count(text, 1, 64)),
        metavar="N",
        help="requests at a time (16)",
    )
    how.add_argument("--part-size", type=_checked(parse_size), metavar="SIZE", help="8M unless given")
    how.add_argument(
        "--rate-limit",
        type=_checked(parse_limits),
        metavar="10M|UP:DOWN",
        help="bytes per second; off for none",
    )
    how.add_argument(
        "--retries",
        type=_checked(lambda text: parse_count(text, 0, 1000)),
        metavar="N",
        help="of each part (7)",
    )
    how.add_argument("--include", action="append", metavar="GLOB", help="only these; may be repeated")
    how.add_argument("--exclude", action="append", metavar="GLOB", help="not these: *.tmp, .git, build/*")
    how.add_argument("--require-checksum", action="store_true", help="an equal size is not proof enough")
    how.add_argument("--temp-dir", metavar="DIR", help="for unfinished downloads; on the same file system")
    how.add_argument("--storage-class", metavar="NAME")
    how.add_argument("--sse", type=_checked(parse_sse), metavar="AES256|aws:kms[:KEY]")
    other = parser.add_argument_group("other")
    other.add_argument("--dry-run", action="store_true", help="say what would be done")
    other.add_argument("-q", "--quiet", action="store_true", help="only errors")
    other.add_argument("--log-file", metavar="FILE")
    other.add_argument("--version", action="version", version=f"s3tui {__version__}")
    return parser


def _app(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("places", nargs="*", metavar="[LOCAL_DIR] [s3://bucket/prefix]")
    parser.add_argument("--theme", metavar="NAME")
    parser.add_argument("--no-mouse", action="store_true")


def _cp(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="files, folders or s3:// addresses")
    parser.add_argument("target", metavar="TARGET")
    parser.add_argument("--move", action="store_true", help="delete each source once its target is verified")
    _waiting(parser)


def _run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--retry-failed", action="store_true", help="try again what has failed")
    _waiting(parser)


def _waiting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wait-for",
        type=_checked(parse_seconds),
        metavar="TIME",
        help="while nothing can move: no network, expired credentials, full disk (15m)",
    )


def _status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--all", action="store_true", help="what is finished too")


def _receipt(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--csv", action="store_true", help="a table instead of JSON lines")
    parser.add_argument(
        "--operation",
        type=_checked(lambda text: parse_count(text, 1, 2**62)),
        metavar="N",
        help="only what was asked for in this one go (see the lines of the others)",
    )


def _verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE")
    parser.add_argument("target", metavar="TARGET")


def _ls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("place", metavar="s3://bucket/prefix")
    parser.add_argument("-r", "--recursive", action="store_true", help="all keys below, however deep")
    parser.add_argument("--json", action="store_true", help="a JSON object a line")


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--demo-dir", help=argparse.SUPPRESS)


_POSITIONALS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "app": _app,
    "cp": _cp,
    "run": _run,
    "status": _status,
    "receipt": _receipt,
    "verify": _verify,
    "ls": _ls,
    "demo": _demo,
}

_DESCRIPTIONS = {
    "app": _ABOUT,
    "cp": "Queue and move without a screen. Run again after any interruption, it goes on where it was.\n"
    "Exit code 0 only if everything is done and verified.",
    "run": "Finish the saved queue without a screen.",
    "status": "What is queued, running, failed, or needs an answer. Changes nothing.",
    "receipt": "A manifest of what was moved: one line each, oldest first, with size, checksum, version and time.\n"
    "Of the newest 10,000 items. Asks no server.",
    "verify": "Compare two sides by content, without moving anything.",
    "ls": "What is below a bucket or prefix, as it comes: time, size and key of each object.",
    "demo": "The screen on an embedded S3 server with sample data; nothing of yours is touched.",
}

_EPILOG = """\
commands:
  s3tui cp SOURCE... TARGET     queue and move without a screen
  s3tui run                     finish the saved queue
  s3tui status [--json] [--all] what is queued, failed, or needs an answer
  s3tui receipt [--csv]         what was moved, with sizes, checksums, versions and times
  s3tui verify SOURCE TARGET    compare without moving
  s3tui ls [-r] s3://bucket/p   what is there: time, size, key
  s3tui demo                    try it on an embedded server

exit codes: 0 all done; 1 some not done, each named; 2 wrong usage; 3 the queue is in use;
129, 130, 143 after a signal, with everything checkpointed"""
