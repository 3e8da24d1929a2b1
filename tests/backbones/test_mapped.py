"""Frozen weights stay in the file they were read from: the workers of a machine share one copy in its page cache. Oracle: /proc."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import nn

from vdit.backbones import miniature, modelscope, random, random_stable_diffusion, stable_diffusion
from vdit.config.model import Model
from vdit.model import networks
from vdit.model.frozen import FrozenDiffusion

CPU = torch.device("cpu")
MAPS = Path("/proc/self/maps")
OWN = {
    "unet": "unet/diffusion_pytorch_model.safetensors",
    "vae": "vae/diffusion_pytorch_model.safetensors",
    "text_encoder": "text_encoder/model.safetensors",
}
TOWER = {"image_tower": "image_tower/open_clip_model.safetensors"}
ROBERTA = {"roberta": "roberta/model.safetensors"}


class Control(NamedTuple):
    """A random control: its loader, what writes the folder beside it, where the parts of its diffusion model lie, the kind of its U-Net."""

    load: Callable[[Model, Path, torch.device], FrozenDiffusion]
    build: Callable[..., None]
    own: str
    single_frames: bool


CONTROLS = {
    "random": Control(random.load, miniature.build, "", False),
    "random_stable_diffusion": Control(random_stable_diffusion.load, stable_diffusion.build, stable_diffusion.OWN, True),
}


def mapping_of(address: int) -> str:
    """The file that an address of this process is mapped from; "" for memory of its own."""
    for line in MAPS.read_text().splitlines():
        start, end = (int(bound, 16) for bound in line.split(maxsplit=1)[0].split("-"))
        if start <= address < end:
            return line.split(maxsplit=5)[5] if len(line.split(maxsplit=5)) > 5 else ""
    return ""


def files_of(network: nn.Module) -> set[str]:
    return {mapping_of(parameter.data_ptr()) for parameter in network.parameters()}


@pytest.mark.skipif(not MAPS.exists(), reason="no /proc on this system")
@pytest.mark.parametrize(("network", "file"), (OWN | TOWER | ROBERTA).items())
def test_parameters_lie_in_their_file(model: Model, folder: Path, network: str, file: str) -> None:
    assert files_of(modelscope.load(model, folder, CPU).networks()[network]) == {str(folder / file)}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return tmp_path / "caches/vdit"


@pytest.fixture(params=CONTROLS)
def control(request: pytest.FixtureRequest) -> Control:
    return CONTROLS[request.param]


@pytest.fixture
def beside(model: Model, control: Control, tmp_path: Path) -> Path:
    """The checkpoint folder that the control is given."""
    control.build(tmp_path / "beside", model.architecture, model.backbone.seed)
    return tmp_path / "beside"


@pytest.mark.skipif(not MAPS.exists(), reason="no /proc on this system")
def test_a_control_s_parameters_lie_in_the_cache(model: Model, control: Control, beside: Path, cache: Path) -> None:
    loaded = control.load(model, beside, CPU)
    (drawn,) = (path for path in cache.iterdir() if path.is_dir())
    expected = {name: {str(drawn / control.own / file)} for name, file in OWN.items()}
    expected |= {name: {str(drawn / file)} for name, file in TOWER.items()}
    expected |= {name: {str(beside / file)} for name, file in ROBERTA.items()}
    assert {name: files_of(network) for name, network in loaded.networks().items()} == expected


def test_a_control_has_the_weights_of_its_seed_and_no_decoder(model: Model, control: Control, beside: Path, cache: Path) -> None:
    loaded = control.load(model, beside, CPU)
    assert loaded.vae.decoder is None and loaded.vae.post_quant_conv is None
    drawn = networks.seeded(model.architecture, random.seed_of(model.backbone), control.single_frames)
    drawn.vae.decoder = drawn.vae.post_quant_conv = None
    modules = {"unet": drawn.unet, "vae": drawn.vae, "text_encoder": drawn.text_encoder, "image_tower": drawn.image.visual}
    for name, module in modules.items():
        found, wanted = loaded.networks()[name].state_dict(), module.state_dict()
        assert found.keys() == wanted.keys()
        assert all(torch.equal(found[key], wanted[key]) for key in wanted), name


def test_a_control_s_networks_have_each_hook_once(model: Model, control: Control, beside: Path, cache: Path) -> None:
    loaded = control.load(model, beside, CPU)
    hooks = {len(module._forward_pre_hooks) for module in loaded.unet.modules()}
    assert hooks == ({0} if control.single_frames else {0, 1})


def test_a_control_is_drawn_once(model: Model, control: Control, beside: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def written() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in (cache, *cache.rglob("*"))}

    control.load(model, beside, CPU)
    before = written()
    monkeypatch.setattr(miniature, "seeded", None)
    control.load(model, beside, CPU)
    assert written() == before


def test_of_workers_that_start_together_one_draws(model: Model, cache: Path) -> None:
    drawn: list[Path] = []

    def load(_: Model, folder: Path, __: torch.device) -> FrozenDiffusion:
        if not folder.exists():
            time.sleep(0.05)
            drawn.append(folder)
            folder.mkdir()
        return None  # type: ignore[return-value]

    with ThreadPoolExecutor(3) as workers:
        list(workers.map(lambda _: random.provided(load, model, cache / "drawn", CPU), range(3)))
    assert drawn == [cache / "drawn"]


@pytest.mark.parametrize("unusable", ["", "relative"])
def test_without_a_usable_cache_folder_it_is_the_home_s(
    model: Model, unusable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", unusable)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert random.place("modelscope", model).parent == tmp_path / ".cache/vdit"
