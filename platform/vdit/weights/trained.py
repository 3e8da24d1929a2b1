"""The trained tensors of a released checkpoint as a checkpoint of ours: frozen copies, aliases and counters are checked and left out."""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from torch import Tensor

from vdit.config.model import Model
from vdit.weights import fit, frozen, sgmg, vd_it, words
from vdit.weights.output import whole
from vdit.weights.source import listed, read

NAME = "trained.safetensors"


class Released(Protocol):
    """What a module says of the checkpoints of one published model."""

    MARK: str

    def reason(self, key: str) -> str | None: ...
    def name(self, key: str) -> str | None: ...
    def key(self, name: str) -> str: ...
    def state(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]: ...
    def model(self, tensors: Mapping[str, Tensor]) -> Model: ...
    def published(self, model: Model) -> Model: ...
    def sizes(self, model: Model) -> dict[str, int | list[int]]: ...
    def expected(self, model: Model) -> dict[str, tuple[int, ...]]: ...


RELEASED: dict[str, Released] = {"vd-it": vd_it, "sgmg": sgmg}


def convert(path: Path, target: Path, roberta: Path | None, say: Callable[[str], None]) -> None:
    """Writes `target`/trained.safetensors as a checkpoint of ours at step 0; `say` gets a line for each thing done.

    With `roberta`, the folder of the published one, a RoBERTa that differs from it is kept as `target`/roberta. Raises ValueError naming
    the keys of a checkpoint that is no released one, or not whole.
    """
    tensors = read(path).tensors
    kind = kind_of(path, tensors)
    released = RELEASED[kind]
    state, model = fitting(path, tensors, released)
    known = words.compare(path, tensors, roberta)
    dropped = Counter(why for key in tensors if (why := released.reason(key)))
    sizes = released.sizes(model)
    with whole(target) as draft:
        draft.source(path.name, path)
        say(draft.write(NAME, state, {"step": "0", "model": kind}))
        say(known.keep(draft))
        draft.finish({"kind": kind, "dropped": dict(dropped), "roberta": known.finding, "sizes": sizes})
    say(f"{kind}; left out: {', '.join(f'{count} {why}' for why, count in dropped.items()) or 'nothing'}")
    say(fit.differences(sizes, released.sizes(released.published(model))))


def kind_of(path: Path, tensors: Mapping[str, Tensor]) -> str:
    """Which published model a checkpoint is of, by its keys."""
    for kind, released in RELEASED.items():
        if any(key.startswith(released.MARK) for key in tensors):
            return kind
    marks = ", ".join(f"{released.MARK}* ({kind})" for kind, released in RELEASED.items())
    raise ValueError(f"{path} is no released checkpoint: expected keys {marks}, found {listed(sorted(tensors), 3)}")


def fitting(path: Path, tensors: Mapping[str, Tensor], released: Released) -> tuple[dict[str, Tensor], Model]:
    """The trained tensors and the configuration they have the sizes of, once every key of the file is accounted for."""
    strange = {key: tensor for key, tensor in tensors.items() if released.reason(key) is None and released.name(key) is None}
    try:
        state, model = released.state(tensors), released.model(tensors)
        expected = released.expected(model)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    fit.check(path, state | strange, expected, lambda name: name if name in strange else released.key(name))
    frozen.check(path, {key: tensor for key, tensor in tensors.items() if released.reason(key) == "frozen"}, model.architecture)
    return state, model
