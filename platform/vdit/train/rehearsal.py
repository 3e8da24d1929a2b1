"""What a rehearsal leaves out of a trial on the workers' side: all videos to predict but one, and what one step cannot be told by."""

from collections.abc import Mapping
from copy import copy
from dataclasses import replace

from vdit.metrics import drift
from vdit.train.folder import Ticket
from vdit.video import Split

NO_LOSS = ("step", "time", "learning_rate", "gradient_norm", "seconds")  # of a row of metrics.jsonl


def alone(ticket: Ticket, split: Split) -> tuple[Ticket, Split]:
    """The split with its first video alone, and the trial without Figure 4 where no object of that is seen long enough."""
    first = copy(split)
    first.videos = split.videos[:1]
    trial = ticket.trial
    if drift.clips(first, trial.evaluate.drift_clips, trial.evaluate.drift_frames, trial.data.seed):
        return ticket, first
    return replace(ticket, trial=replace(trial, evaluate=replace(trial.evaluate, drift_clips=0))), first


def losses(row: Mapping[str, float]) -> dict[str, float]:
    """The loss and its terms."""
    return {name: value for name, value in row.items() if name not in NO_LOSS}
