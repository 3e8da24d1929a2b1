"""What the heads of released VD-IT and SgMg checkpoints have in common (spec sections 9.1 and 10)."""

from collections.abc import Mapping

from torch import Tensor

from vdit.config.model import Head, HeadKind
from vdit.model.deformable import LEVELS
from vdit.model.released import renamed
from vdit.model.released_head import ALIAS, DEFORMABLE, RENAMED
from vdit.weights.names import Rules, backwards
from vdit.weights.sizes import Sizes

_BOXES = f"{ALIAS}bbox_embed."  # the decoder's second name of the box heads
_PARTS_BACK = {ours: theirs for theirs, ours in DEFORMABLE.items()}


def is_alias(key: str) -> bool:
    return key.startswith(_BOXES)


def check_originals(tensors: Mapping[str, Tensor]) -> None:
    """Raises ValueError naming a box head that is there under its second name alone."""
    for key in tensors:
        original = key.removeprefix(ALIAS)
        if is_alias(key) and original not in tensors:
            raise ValueError(f"{original} is missing, though the decoder's {key} is there; fetch the published file again")


def back(own: Rules = ()) -> Rules:
    """From the names of a head of ours to the published ones; `own` are rules of another head than VD-IT's, which come first."""
    return backwards((*own, *RENAMED))


def key(name: str, rules: Rules) -> str:
    """The published key of a head's parameter; a name that no rule knows stays."""
    words = (renamed(name, rules) or name).split(".")
    return ".".join(_PARTS_BACK.get(word, word) for word in words)


def read(size: Sizes, kind: HeadKind, queries: tuple[tuple[str, int], ...]) -> Head:
    """The head's sizes; `queries` are the tensors that have one row a query. Of heads and points only the product shows: one head."""
    layer = "transformer.encoder.layers.0."
    weights = "attention_weights.weight"
    return Head(
        kind=kind,
        queries=size(*queries),
        width=size(("query_embed.weight", 1), ("transformer.level_embed", 1), ("text_proj.fc.weight", 0)),
        feedforward=size((f"{layer}linear1.weight", 0), (f"{layer}linear1.bias", 0), (f"{layer}linear2.weight", 1)),
        heads=1,
        points=size((f"{layer}self_attn.{weights}", 0), (f"transformer.decoder.layers.0.cross_attn.{weights}", 0)) // LEVELS,
        encoder_layers=size.count(r"transformer\.encoder\.layers\.(\d+)\."),
        decoder_layers=size.count(r"transformer\.decoder\.layers\.(\d+)\."),
    )


def sizes(head: Head) -> dict[str, int | list[int]]:
    """What `read` reads, under the names of a study's configuration."""
    return {
        "head.queries": head.queries,
        "head.width": head.width,
        "head.feedforward": head.feedforward,
        "head.heads x head.points": head.heads * head.points,
        "head.encoder_layers": head.encoder_layers,
        "head.decoder_layers": head.decoder_layers,
    }
