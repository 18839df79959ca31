"""``make torture`` and ``make torture-full``: everything that tries to make the program lose something.

python -m tests.torture [--full] [--only SECTION ...] [--seed S] [--kills N] [--at-once N]
                        [--soak SECONDS] [--no-record]

Exit code 0 only if nothing failed. Results go to ``tests/torture/RESULTS.md``.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.seaweed import Seaweed, running_seaweed
from tests.torture.results import Section, record

_SERVER_ROUNDS = 150
"""With one server; then it is started anew with an empty folder."""


def main() -> int:
    """Run the sections; 1 if anything failed."""
    args = _arguments()
    words = "python -m tests.torture " + shlex.join(sys.argv[1:])
    failed = 0
    for name in args.only or SECTIONS:
        began = time.monotonic()
        print(f"== {name}", flush=True)
        title, rows, failures = SECTIONS[name](args)
        section = Section(title, rows, failures, time.monotonic() - began)
        failed += len(failures)
        for row in rows:
            print(f"{row[0]}: {row[1]}", flush=True)
        for failure in failures:
            print(f"FAILED {failure}", flush=True)
        if not args.no_record:
            record(section, words.strip())
    print(f"failures: {failed or 'none'}")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture")
    parser.add_argument("--full", action="store_true", help="all boundaries, 1,000 kills, 100 power cuts")
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS))
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    parser.add_argument("--kills", type=int, help="rounds of kills")
    parser.add_argument("--at-once", type=int, default=2, help="rounds of kills or power cuts at a time")
    parser.add_argument("--soak", type=float, help="seconds of chaos")
    parser.add_argument("--no-record", action="store_true", help="leave RESULTS.md as it is")
    args = parser.parse_args()
    args.kills = args.kills or (1000 if args.full else 300)
    args.soak = args.soak or (1800.0 if args.full else 300.0)
    args.fuzz = 900.0 if args.full else 60.0
    args.cuts = 100 if args.full else 30
    return args


Outcome = tuple[str, list[tuple[str, str]], list[str]]


@contextmanager
def _server() -> Iterator[tuple[Seaweed, Path]]:
    with tempfile.TemporaryDirectory(prefix="s3tui-torture-") as folder:
        with running_seaweed(Path(folder) / "server") as seaweed:
            yield seaweed, Path(folder)


# -- the sections ----------------------------------------------------------------------------------


def _kills(args: argparse.Namespace) -> Outcome:
    screens = args.kills // 10
    others = args.kills - screens
    kinds = ["cp"] * (others // 2) + ["engine"] * (others - others // 2) + ["screen"] * screens
    rounds = [(kind, args.seed + number) for number, kind in enumerate(kinds)]
    return _rounds("Kills at random moments", rounds, args.at_once)


def _cuts(args: argparse.Namespace) -> Outcome:
    from tests.torture.power import is_possible

    reason = is_possible()
    if reason:
        return "Power cuts", [("not run", reason)], []
    kinds = ("power/cp", "power/engine")
    rounds = [(kinds[n % 2], args.seed + n) for n in range(args.cuts)]
    return _rounds("Power cuts", rounds, args.at_once)


def _rounds(title: str, rounds: list[tuple[str, int]], at_once: int) -> Outcome:
    from tests.torture.kills import Killed, kill_rounds

    ended: list[Killed] = []
    for first in range(0, len(rounds), _SERVER_ROUNDS):
        with _server() as (seaweed, folder):
            for one in kill_rounds(seaweed, folder, rounds[first : first + _SERVER_ROUNDS], at_once):
                ended.append(one)
                if one.failure:
                    print(f"{one.kind} {one.seed} FAILED: {one.failure}", flush=True)
                elif len(ended) % 25 == 0:
                    print(f"{len(ended)} of {len(rounds)}", flush=True)
    kills = Counter[str]()
    for one in ended:
        kills[one.kind] += one.kills
    seeds = [seed for _, seed in rounds]
    rows = [
        ("rounds", f"{len(ended):,}: " + _counted(Counter(one.kind for one in ended))),
        ("seeds", f"{min(seeds)} to {max(seeds)}"),
        ("kills", f"{sum(kills.values()):,}: " + _counted(kills)),
        ("recoveries killed again", f"{sum(max(0, one.kills - 1) for one in ended):,}"),
        ("moved", f"{sum(one.moved for one in ended) / 2**30:.1f} GiB"),
        (
            "sent or fetched again, per kill",
            f"{sum(one.again for one in ended) / 2**20 / max(1, sum(kills.values())):.1f} MiB on average "
            "(bound: 8 workers × 5 MiB)",
        ),
    ]
    return title, rows, [f"{one.kind} seed {one.seed}: {one.failure}" for one in ended if one.failure]


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counter.items()))


def _soak(args: argparse.Namespace) -> Outcome:
    from tests.torture.soak import run_soak

    with _server() as (seaweed, folder):
        result = run_soak(seaweed, seaweed.bucket("soak"), folder, seconds=args.soak, seed=args.seed)
    rows = [
        ("seed", str(result.seed)),
        ("chaos", f"{args.soak / 60:.0f} min"),
        ("trees up, down and compared", str(result.trees)),
        ("files", f"{result.files:,}"),
        ("moved", f"{result.moved / 2**20:,.0f} MiB"),
        ("sent or fetched again", f"{result.again / 2**20:,.0f} MiB"),
        ("faults", _counted(Counter(result.faults))),
        ("growth of memory", f"{result.memory_growth / 2**20:.1f} MiB"),
    ]
    return "Network chaos", rows, result.wrong


def _boundaries(args: argparse.Namespace) -> Outcome:
    from tests.torture.boundaries import run_boundaries

    most = None if args.full else 400
    with _server() as (seaweed, folder):
        result = run_boundaries(
            seaweed,
            folder / "boundaries",
            seed=args.seed,
            most=most,
            tell=lambda text: print(text, flush=True),
        )
    rows = [
        ("boundaries", f"{result.runs:,} of {result.found:,}; seed {result.seed}"),
        ("by what went wrong there", _counted(result.kinds)),
        ("operations of the undisturbed scenes", f"{result.operations.total():,}"),
        ("ended before their boundary", f"{result.passed_by:,}"),
    ]
    return "Every boundary", rows, result.failures


def _straced(args: argparse.Namespace) -> Outcome:
    from tests.torture.straced import calls_of, run_straced, why_not

    if reason := why_not():
        return "Kills at system calls, by strace", [("not run", reason)], []
    with _server() as (seaweed, folder):
        kills = run_straced(
            seaweed, folder / "straced", calls_of(seed=args.seed, most=40 if args.full else 12)
        )
    rows = [
        ("runs", f"{len(kills)}, one worker; seed {args.seed}"),
        ("killed", f"{sum(one.was_hit for one in kills)}; the others ended before that call"),
    ]
    wrong = [f"{one.scene}: {one.boundary}: {'; '.join(one.wrong)}" for one in kills if one.wrong]
    return "Kills at system calls, by strace", rows, wrong


def _week(args: argparse.Namespace) -> Outcome:
    from tests.torture.week import run_week

    results = [run_week(args.seed + number) for number in range(3 if args.full else 1)]
    rows = [
        ("weeks", f"{len(results)}, seeds {', '.join(str(result.seed) for result in results)}"),
        ("items of each", ", ".join(f"{result.items:,}" for result in results)),
        ("restarts of each, of them crashes", ", ".join(f"{r.restarts} ({r.crashes})" for r in results)),
        (
            "transitions, of them illegal",
            ", ".join(f"{r.transitions:,} ({r.illegal_transitions})" for r in results),
        ),
        (
            "lost, finished twice, come back",
            ", ".join(f"{r.lost}, {r.duplicates}, {r.revived}" for r in results),
        ),
        ("longest backoff", f"{max(r.longest_backoff for r in results):.0f} s"),
        ("oldest signature", f"{max(r.oldest_signature for r in results):.0f} s"),
        ("real time of each", ", ".join(f"{r.real_seconds:.0f} s" for r in results)),
    ]
    return "Seven days on a virtual clock", rows, [text for result in results for text in result.broken]


def _model(args: argparse.Namespace) -> Outcome:
    from tests.torture.model import run_model

    examples = 1500 if args.full else 200
    failures = []
    try:
        run_model(examples, args.seed)
    except AssertionError as error:
        failures.append(str(error))
    rows = [("orders of events tried", f"{examples:,}, of 50 events; seed {args.seed}")]
    return "The queue, in any order of commands and events", rows, failures


def _fuzz(args: argparse.Namespace) -> Outcome:
    from tests.torture.fuzz import run_fuzz

    result = run_fuzz(args.fuzz, args.seed)
    rows = [("seed", str(result.seed)), *((name, f"{count:,} tries") for name, count in result.tries.items())]
    return "Fuzz", rows, result.failures


SECTIONS: dict[str, Callable[[argparse.Namespace], Outcome]] = {
    "boundaries": _boundaries,
    "strace": _straced,
    "kills": _kills,
    "power": _cuts,
    "soak": _soak,
    "week": _week,
    "model": _model,
    "fuzz": _fuzz,
}

if __name__ == "__main__":
    sys.exit(main())
