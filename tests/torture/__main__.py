"""``make torture``: many rounds of kills, with seeds that can be had again.

python -m tests.torture [--rounds N] [--seed S]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.servers.seaweed import running_seaweed
from tests.survival.rounds import KILLS, kill_round


def main() -> int:
    """Run the rounds; 1 if any failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    args = parser.parse_args()
    failed: list[int] = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="s3tui-torture-") as folder:
        with running_seaweed(Path(folder) / "server") as seaweed:
            bucket = seaweed.bucket("torture")
            for seed in range(args.seed, args.seed + args.rounds):
                with tempfile.TemporaryDirectory(dir=folder) as round_folder:
                    try:
                        kill_round(seaweed, bucket, Path(round_folder), seed)
                    except AssertionError as error:
                        failed.append(seed)
                        print(f"seed {seed} FAILED: {error}", flush=True)
                    else:
                        print(f"seed {seed} passed", flush=True)
    kills = args.rounds * 2 * KILLS
    print(
        f"{args.rounds} rounds, {kills} kills, {time.monotonic() - began:.0f} s; failed seeds: {failed or 'none'}"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
