"""Which expression stands in for another in the control of words: one of another object of the video. Not in the paper.

A model that listens finds each object by its own words only; one that finds whatever stands out scores as well under another's.
"""

import numpy as np

from vdit.clips.draws import generator
from vdit.video import Video


def shuffled(video: Video, seed: int) -> dict[str, str]:
    """By the id of each expression that of the one in its place; empty where all are about one object. `seed` is that of the data.

    Every object gives its place to one other, each derangement as likely as the next, and its expressions take theirs in turn: where all
    have as many, each expression stands in once. Objects differ by number: the sets of objects of MeViS may overlap.
    """
    groups: dict[int, list[str]] = {}
    for expression in video.expressions:
        groups.setdefault(expression.object, []).append(expression.id)
    pairs = derangement(sorted(groups), generator("shuffled", seed, video.id))
    return {own: groups[other][place % len(groups[other])] for number, other in pairs.items() for place, own in enumerate(groups[number])}


def derangement(objects: list[int], rng: np.random.Generator) -> dict[int, int]:
    """Each object's place in a permutation that moves all of them; empty below two, where there is none."""
    # About one permutation in e moves all, however many there are.
    while len(objects) > 1:
        drawn = [int(number) for number in rng.permutation(objects)]
        if all(own != other for own, other in zip(objects, drawn, strict=True)):
            return dict(zip(objects, drawn, strict=True))
    return {}
