"""What a trial's data and frozen weights are, as digests: the parts of the trial key that are not configuration."""

from pathlib import Path

from vdit.config.canonical import digest
from vdit.config.manifest import folder_digest
from vdit.config.shipped import located
from vdit.config.trial import Trial
from vdit.registry import members

CONTROL = "random"  # how the names of random controls begin
PARTLY = "random-denoiser"  # of this one the other networks are trained
SHARED = ("image_tower", "roberta")  # parts of a checkpoint folder that serve every backbone
GATE = ("gate.json", "gate.md")
ABOUT = (*GATE, "vdit.json", "recipe.yaml")  # written about weights, beside them: no part of what they are


def data_identity(trial: Trial, manifests: Path) -> str:
    """Of the folder `launch.data`; of the miniature world's description where the platform writes the data itself.

    Raises ValueError where the benchmark needs a folder and none is given, or the folder is missing.
    """
    if trial.launch.data:
        return folder_digest(Path(trial.launch.data), manifests)
    if trial.data.benchmark == "miniature":
        return f"world:{digest(trial.data.world)}"
    raise ValueError(f"benchmark {trial.data.benchmark!r} needs its data on disk; name the folder with --data DIR or launch.data")


def weights_identity(trial: Trial, manifests: Path) -> str:
    """Of the checkpoint folder `launch.weights`; of architecture, backbone and seed where the weights are drawn at random.

    A random control has an identity of its own beside a checkpoint too: it is loaded from the same folder, and must not be taken for it.
    """
    backbone = trial.model.backbone
    folder = _checkpoint(located(trial.launch.weights), backbone.name, manifests) if trial.launch.weights else ""
    if folder and not backbone.name.startswith(CONTROL):
        return folder
    drawn = {"architecture": trial.model.architecture, "backbone": backbone.name, "seed": backbone.seed}
    return f"seeded:{digest({**drawn, 'beside': folder} if folder else drawn)}"


def _checkpoint(folder: Path, backbone: str, manifests: Path) -> str:
    """Of what `backbone` reads of a checkpoint folder: a subfolder of its own name and what all share, or all that is no such subfolder.

    So adding the weights of one backbone to a folder leaves the trials of the others as they are.
    """
    own = backbone.removeprefix(f"{CONTROL}-").replace("-", "_")
    if (folder / own).is_dir():
        parts = (own, *(part for part in SHARED if (folder / part).is_dir()))
        return digest({part: folder_digest(folder / part, manifests) for part in parts})
    return folder_digest(folder, manifests, frozenset((*members("backbones"), *ABOUT)))
