"""The clips that all other stages train on, drawn once."""

import time

from vdit.pretrain import clips
from vdit.pretrain.given import ROWS, Given
from vdit.pretrain.training import Report, Row
from vdit.train.folder import append_rows

REPORT_EVERY = 200  # clips


def run(given: Given, report: Report) -> None:
    place, began = given.place("clips"), time.monotonic()
    # What an interrupted drawing left is drawn again.
    (place.folder / ROWS).unlink(missing_ok=True)

    def done(count: int) -> None:
        if count % REPORT_EVERY == 0 or count == given.recipe.clips:
            row: Row = {"step": float(count), "time": time.time()}
            append_rows(place.folder / ROWS, [row])
            report(row)

    clips.write(given.recipe, place.folder, done)
    place.finish(given.recipe.clips, {"seconds": time.monotonic() - began})
