"""What the queue is asked to do: requests to be planned, and plans that were looked at before."""

from __future__ import annotations

from engine.model import OperationId, Request
from engine.planning.plan import Plan, PlanChoice
from engine.queue.commands import Commands
from engine.queue.labels import label_of


class Requests(Commands):
    """Every method may be called from any thread and waits for nothing."""

    def submit(self, request: Request) -> OperationId:
        """Ask for something. Its items appear as they are found; what goes wrong comes as an event.

        Raises:
            UsageError: The request makes no sense whatever is out there.
            Condition: ``state-unsaved``.
        """
        return self._intake.submit(request, label_of(request))

    def submit_plan(self, plan: Plan, choice: PlanChoice) -> OperationId | None:
        """Queue what was chosen of a plan, just that; ``None`` where there is nothing of it to move.

        A plan that is not complete, or too long to hold every name, is asked for as its request. What
        is to be deleted is asked for apart (`Plan.deletions`).

        Raises:
            UsageError, Condition: As `submit`.
        """
        tally = plan.tally()
        if tally.is_too_long or not tally.scanned:
            return self.submit(plan.as_request(choice))
        if not plan.cost(choice).items:
            return None
        return self._intake.submit_found(lambda: plan.chosen(choice), label_of(plan.request))

    def plan_again(self) -> int:
        """Try again to plan what earlier processes were asked for and was out of reach; how many those are.

        Without this it is tried at the next start.
        """
        with self._core.lock:
            return self._intake.plan_again()
