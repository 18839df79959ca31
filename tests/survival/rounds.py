"""One round: a tree goes up and comes back while the program is killed again and again."""

from __future__ import annotations

import random
from pathlib import Path

from tests.servers.proxy import FaultProxy
from tests.servers.seaweed import Seaweed
from tests.survival.program import MIB, Program, kill

KILLS = 3
"""In each direction."""


def kill_round(seaweed: Seaweed, bucket: str, folder: Path, seed: int) -> None:
    """Everything arrives, nothing is left over, whatever the moments of the kills.

    Raises:
        AssertionError: It does not; the seed makes it happen again, as far as timing allows.
    """
    rng = random.Random(seed)
    source, back = folder / "source", folder / "back"
    for number in range(30):
        path = source / f"d{number % 4}" / f"f{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rng.randbytes(rng.choice([0, 1, 5000, 200_000, 9 * MIB])))
    prefix = f"s3://{bucket}/t{seed}/"
    with FaultProxy(seaweed.url) as proxy:
        program = Program(seaweed, folder / "home", proxy.url)
        for words in ((f"{source}/", prefix), (prefix, f"{back}/")):
            for _ in range(KILLS):
                _start_and_kill(program, proxy, words, rng.randint(1, 40))
            done = program.run("cp", *words)
            assert (done.returncode, done.stderr) == (0, ""), f"seed {seed}: {done.stderr}"
            assert program.status() == [], f"seed {seed}"
    names = sorted(str(path.relative_to(source)) for path in source.rglob("*"))
    assert sorted(str(path.relative_to(back)) for path in back.rglob("*")) == names, f"seed {seed}"
    for name in names:
        if (source / name).is_file():
            assert (source / name).read_bytes() == (back / name).read_bytes(), f"seed {seed}: {name}"
    assert "Uploads" not in seaweed.client().list_multipart_uploads(Bucket=bucket), f"seed {seed}"


def _start_and_kill(program: Program, proxy: FaultProxy, words: tuple[str, str], requests: int) -> None:
    """Kill it after so many requests, or at its end if it makes fewer."""
    proxy.forget()
    process = program.start("cp", "--rate-limit", "60M", *words)
    proxy.wait_until(lambda: len(proxy.requests()) >= requests or process.poll() is not None)
    kill(process)
