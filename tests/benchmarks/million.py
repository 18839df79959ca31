"""A listing of a million keys in a pane: how soon its first rows are there, and what each key costs."""

from __future__ import annotations

import resource
import subprocess
import sys
import time

from engine.s3.listxml import read_listing
from tests.benchmarks.measuring import Bar
from tests.servers.seaweed import ROOT
from tui.widgets.pane_model import PaneModel

_PAGE = 1000
_ROW = (
    "<Contents><Key>archive/2026/{0:04}/object-{1:07}.parquet</Key><LastModified>2026-11-25T13:00:{2:02}.000Z"
    "</LastModified><ETag>&quot;{1:032x}&quot;</ETag><Size>{1}</Size><StorageClass>STANDARD</StorageClass></Contents>"
)


def page(number: int, count: int) -> bytes:
    """One page of the answer to ListObjectsV2."""
    rows = "".join(_ROW.format(number, number * _PAGE + row, row % 60) for row in range(count))
    return (
        "<ListBucketResult><Name>b</Name><Prefix>archive/</Prefix><IsTruncated>true</IsTruncated>"
        f"<NextContinuationToken>t{number}</NextContinuationToken>{rows}</ListBucketResult>"
    ).encode()


def fill(keys: int) -> tuple[float, float]:
    """Seconds until the first rows, and bytes for each key, in this process."""
    model = PaneModel()
    first = page(0, _PAGE)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    model.add_page(read_listing(first, "archive/", None).page)
    model.row(0)
    shown = time.monotonic() - began
    for number in range(1, keys // _PAGE):
        model.add_page(read_listing(page(number, _PAGE), "archive/", None).page)
    model.complete = True
    while model.is_busy:
        model.work()
    assert len(model) == keys
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return shown, grown * 1024 / keys


def listing(*, quick: bool) -> tuple[list[str], list[Bar]]:
    """In a process of its own, so that nothing else is in its memory."""
    keys = 20_000 if quick else 1_000_000
    code = f"from tests.benchmarks.million import fill; print(*fill({keys}))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    shown, each = map(float, ran.stdout.split())
    bars = [Bar(f"{keys:,} keys in a pane, first rows", shown, 0.3, "s")]
    bars.append(Bar(f"{keys:,} keys in a pane, memory a key", each, 300, "B"))
    return [
        f"| {keys:,} keys in a pane | first rows after {shown * 1000:.0f} ms | {each:.0f} bytes a key |"
    ], bars
