"""When nothing of a study runs because nothing has a place: says so, and ends the study where that lasts for a day."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vdit.schedule.view import clock
from vdit.schedule.watch import WAIT_SECONDS

if TYPE_CHECKING:
    from vdit.schedule.reporter import Reporter

# A gang takes up to a minute to start where it has its place.
SAY_SECONDS = 120.0
AGAIN_SECONDS = 3600.0


@dataclass
class Unplaced:
    """Ray itself waits for ever, and silently: for machines that do not come, or for what another job holds."""

    since: float | None = None
    say_at: float = 0.0

    def look(self, reporter: "Reporter", waiting: int) -> None:
        """`waiting` trials could start now, and none runs; those that wait for their retry are not among them."""
        now = reporter.now()
        if not waiting:
            self.since = None
            return
        if self.since is None:
            self.since, self.say_at = now, now + SAY_SECONDS
        if now - self.since >= WAIT_SECONDS:
            reporter.stop(f"no trial has had a place for {WAIT_SECONDS / 3600:g} h: each needs {reporter.shape}")
        elif now >= self.say_at:
            self.say_at = now + AGAIN_SECONDS
            reporter.view.say(
                f"nothing has started for {clock(now - self.since)}: {waiting} trials wait for a place, each for {reporter.shape}. "
                "Others may hold the cluster, or its machines are still to come: `ray status` shows it. "
                f"Waiting {WAIT_SECONDS / 3600:g} h at most"
            )
