"""Rate limits and workers that were set on the screen, kept for the next start until the settings say something new."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, replace
from typing import Any

from engine import EngineConfig, EngineSnapshot
from tui.private_file import write_private

log = logging.getLogger(__name__)

FILE_NAME = "pace.json"
MOST_WORKERS = 64
_LEAST_RATE, _MOST_RATE = 1024, 1 << 50
_MOST_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast it may go."""

    upload: int | None
    """Bytes per second; ``None`` for no limit."""
    download: int | None
    workers: int


class PaceFile:
    """Where the pace is kept; `path` is ``None`` for nowhere.

    The setting methods are called by the screen's thread; `save` runs on any one thread at a time and writes one frozen value. What
    is read is untrusted: what is no limit and no number of workers is as if nothing had been kept. It is kept together
    with what the settings said at that time: where they say something else by now, that is newer, and holds.

    Args:
        settings: What holds where nothing was set on the screen: the settings, flags left out.
    """

    def __init__(self, path: str | None = None, settings: Pace | None = None) -> None:
        self._path = path
        self._settings = settings
        self._kept = self._saved = self._read()

    # -- at the start ------------------------------------------------------------------------------

    def applied(self, config: EngineConfig, *, limit_flag: bool, workers_flag: bool) -> EngineConfig:
        """The configuration with what was kept, but for what a flag names."""
        kept = self._kept
        if kept is None:
            return config
        if not limit_flag:
            config = replace(config, upload_limit=kept.upload, download_limit=kept.download)
        return config if workers_flag else replace(config, workers=kept.workers)

    # -- while it runs -----------------------------------------------------------------------------

    def set_limits(self, upload: int | None, download: int | None) -> None:
        """They were set on the screen. What else holds by flags of this start is not kept along."""
        before = self._kept or self._settings
        if before is not None:
            self._keep(replace(before, upload=upload, download=download))

    def set_workers(self, count: int) -> None:
        """That was set on the screen; the same."""
        before = self._kept or self._settings
        if before is not None:
            self._keep(replace(before, workers=count))

    def _keep(self, pace: Pace) -> None:
        self._kept = None if pace == self._settings else pace

    @property
    def kept(self) -> Pace | None:
        """What the next start begins with instead of what the settings say."""
        return self._kept

    def words(self, snapshot: EngineSnapshot) -> str:
        """What of it is as it is because it was set on the screen, now or before; empty where nothing is."""
        kept, settings = self._kept, self._settings
        if kept is None or settings is None:
            return ""
        limits = (snapshot.upload_limit, snapshot.download_limit)
        is_limit = limits == (kept.upload, kept.download) != (settings.upload, settings.download)
        is_workers = snapshot.workers == kept.workers != settings.workers
        what = [name for name, is_kept in (("limit", is_limit), ("workers", is_workers)) if is_kept]
        return f"{' and '.join(what)} kept" if what else ""

    # -- the file ----------------------------------------------------------------------------------

    @property
    def is_changed(self) -> bool:
        """Something is not saved yet."""
        return self._kept != self._saved

    def save(self) -> None:
        """Write what changed, if anything did."""
        kept, settings = self._kept, self._settings
        if kept == self._saved:
            return
        self._saved = kept
        if self._path is None or settings is None:
            return
        document = {} if kept is None else {**asdict(kept), "settings": asdict(settings)}
        try:
            write_private(self._path, json.dumps(document).encode("ascii"))
        except OSError as error:
            log.warning("limit and workers could not be saved: %s", error.strerror)

    def _read(self) -> Pace | None:
        if self._path is None:
            return None
        try:
            with open(self._path, "rb") as file:
                document = json.loads(file.read(_MOST_BYTES))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            log.warning("limit and workers could not be read: %s", type(error).__name__)
            return None
        if not isinstance(document, dict) or _pace(document.get("settings")) != self._settings:
            return None
        return _pace(document)


def _pace(given: Any) -> Pace | None:
    if not isinstance(given, dict):
        return None
    upload, download, workers = given.get("upload"), given.get("download"), given.get("workers")
    if not (_is_rate(upload) and _is_rate(download) and type(workers) is int):
        return None
    return Pace(upload, download, workers) if 1 <= workers <= MOST_WORKERS else None


def _is_rate(given: Any) -> bool:
    return given is None or (type(given) is int and _LEAST_RATE <= given <= _MOST_RATE)
