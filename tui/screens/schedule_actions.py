"""Rate limits that change by the hour, while the program runs."""

from __future__ import annotations

from tui.screens.base import MainBase
from tui.widgets.speed_panel import limit_words


class ScheduleActions(MainBase):
    """Part of the main screen: called at each tick."""

    _scheduled_at = -1
    """The minute that was looked at last."""

    def follow_schedule(self) -> None:
        """Set the limits of the hour that begins, and those from before when it ends."""
        now = self.now()
        minute = int(now // 60)
        if minute == self._scheduled_at or not self.schedule.schedule.spans:
            return
        self._scheduled_at = minute
        snapshot = self.manager.snapshot(0, 0)
        limits = self.schedule.due(now, (snapshot.upload_limit, snapshot.download_limit))
        if limits is None:
            return
        self.manager.set_limits(*limits)
        span = self.schedule.span
        until = f" until {span.until}" if span is not None else ""
        self.tell(f"Rate limit {limit_words(*limits)}{until}, by the schedule")
