"""Moving and listing, beside the peers; and the memory of ``cp``."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.measuring import MIB, Bar, Bench, bars_of, lines, measure, random_file, small_files


def big(bench: Bench, *, quick: bool) -> tuple[list[str], list[Bar]]:
    """One large file, both ways."""
    size, rounds = (32 * MIB, 1) if quick else (1024 * MIB, 5)
    file, name = random_file(bench.folder / "big.bin", size), f"{size // MIB} MiB"
    up = bench.rounds(lambda: bench.copying(file, f"s3://bench/big/{bench.place()}.bin"), rounds)
    source = "s3://bench/big.bin"
    measure(bench.copying(file, source)["s3tui"], bench.env)
    places: list[Path] = []

    def fetching() -> dict[str, list[str]]:
        for place in places:
            place.unlink(missing_ok=True)  # Of one file that does no harm, and a gigabyte each would not fit.
        places[:] = [bench.folder / f"{bench.place()}.bin"]
        return bench.copying(source, str(places[0]))

    down = bench.rounds(fetching, rounds)
    if not quick and Path(file).read_bytes() != places[0].read_bytes():
        raise SystemExit("the file came back changed")
    bars = bars_of(f"upload {name}", up, ("s5cmd", "wall", 0.95), ("s5cmd", "cpu", 0.6))
    limits = (("s5cmd", "wall", 0.6), ("rclone", "wall", 0.9), ("s5cmd", "cpu", 0.6))
    bars += bars_of(f"download {name}", down, *limits)
    most = max(run.memory for run in up["s3tui"] + down["s3tui"])
    bars.append(Bar(f"peak memory of cp, {name}", most, 90, "MiB"))
    return lines(f"upload {name}", up) + lines(f"download {name}", down), bars


def small(bench: Bench, *, quick: bool) -> tuple[list[str], list[Bar]]:
    """Many small files, both ways; then a listing of all that came of it."""
    table: list[str] = []
    bars: list[Bar] = []
    for count, size in ((100, 8192),) if quick else ((5000, 8192), (1000, 1024)):
        name, rounds = f"{count:,} × {size // 1024} KiB", 1 if quick else 5
        files = small_files(bench.folder / f"small{count}", count, size)

        def sending(files: str = files, count: int = count) -> dict[str, list[str]]:
            return {
                program: bench.copying(files, f"s3://bench/{program}{count}/{bench.place()}/")[program]
                for program in bench.copying(files, "s3://bench/x/")
            }

        up = bench.rounds(sending, rounds)
        source = f"s3://bench/small{count}/"
        measure(bench.copying(files, source)["s3tui"], bench.env)

        def fetching(source: str = source) -> dict[str, list[str]]:
            return bench.copying(source, f"{bench.folder}/{bench.place()}/")

        down = bench.rounds(fetching, rounds)
        check(bench, source, Path(files))
        table += lines(f"upload {name}", up) + lines(f"download {name}", down)
        if size == 8192:
            cpu = {"up": 0.7, "down": 0.9}
            for way, found in (("up", up), ("down", down)):
                limits = (("s5cmd", "wall", 1.0), ("s5cmd", "cpu", cpu[way]), ("aws-cli", "wall", 0.2))
                bars += bars_of(f"{way}load {name}", found, *limits)
    return table, bars


def listing(bench: Bench, *, quick: bool) -> tuple[list[str], list[Bar]]:
    """All that `small` has uploaded with s3tui: 5 rounds of 5,000."""
    count = 100 if quick else 5000
    found = bench.rounds(lambda: bench.listing(f"s3://bench/s3tui{count}/"), 1 if quick else 5)
    name = f"list {count * (1 if quick else 5):,} keys"
    return lines(name, found), bars_of(name, found, ("s5cmd", "wall", 1.2))


def check(bench: Bench, source: str, files: Path) -> None:
    """What was sent comes back the same."""
    back = bench.folder / f"check{files.name}"
    measure(bench.copying(source, f"{back}/")["s3tui"], bench.env)
    if sorted(p.read_bytes() for p in back.iterdir()) != sorted(p.read_bytes() for p in files.iterdir()):
        raise SystemExit("the files came back changed")


def memory(bench: Bench, *, quick: bool, large: bool) -> tuple[list[str], list[Bar]]:
    """The most memory ``cp`` has, by the size of what it moves."""
    sizes = [16 * MIB] if quick else [100 * MIB] + ([8 * 1024 * MIB] if large else [])
    table, bars = [], []
    for size in sizes:
        source, target = bench.folder / "sparse.bin", bench.folder / "sparse.back"
        with open(source, "wb") as file:
            file.truncate(size)
        key = f"s3://bench/{bench.place()}/sparse.bin"
        up = measure(bench.copying(str(source), key)["s3tui"], bench.env)
        source.unlink()
        down = measure(bench.copying(key, str(target))["s3tui"], bench.env)
        if target.stat().st_size != size:
            raise SystemExit("the file came back shorter")
        target.unlink()
        table.append(f"| {size // MIB:,} MiB | {up.memory:.0f} | {down.memory:.0f} |")
        bars.append(Bar(f"peak memory of cp, {size // MIB:,} MiB", max(up.memory, down.memory), 90, "MiB"))
    return table, bars
