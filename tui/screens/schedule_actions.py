"""Rate limits that change by the hour, while the program runs."""

from __future__ import annotations

from tui.screens.base import MainBase
from tui.widgets.speed_panel import limit_words


class ScheduleActions(MainBase):
    """Part of the main screen: called at each tick."""

    def follow_schedule(self) -> None:
        """Set the limits of the hours that begin, and those from before at their end; say so."""
        limits = self.schedule.follow(self.manager, self.now())
        if limits is not None:
            span = self.schedule.span
            until = f" until {span.until}" if span is not None else ""
            self.tell(f"Rate limit {limit_words(*limits)}{until}, by the schedule")
