"""What a rehearsal leaves out of a trial on the side of its workers: all videos but one, and Figure 4 where that has no use for it."""

from copy import copy
from dataclasses import replace

from vdit.metrics import drift
from vdit.train.folder import Ticket
from vdit.video import Split


def alone(ticket: Ticket, split: Split) -> tuple[Ticket, Split]:
    """The split with its first video alone, and the trial without Figure 4 where no object of that is seen long enough."""
    first = copy(split)
    first.videos = split.videos[:1]
    trial = ticket.trial
    if drift.clips(first, trial.evaluate.drift_clips, trial.evaluate.drift_frames, trial.data.seed):
        return ticket, first
    return replace(ticket, trial=replace(trial, evaluate=replace(trial.evaluate, drift_clips=0))), first
