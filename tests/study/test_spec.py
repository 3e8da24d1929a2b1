"""Oracle: the messages and values written here."""

from collections.abc import Callable
from pathlib import Path

import pytest

from vdit.config.trial import Launch
from vdit.study import design, spec
from vdit.study.spec import Arm, Axis

HEAD = "study: demo\npreset: small\n"
ARMS = "arms: {VD-T: {prompt: text}}\n"

GRID = ARMS + "design: grid\naxes: {head: [vdit]}\n"
SEARCH = ARMS + "reference: VD-T\ndesign: search\nsearch: {trials: 3}\n"

WRONG = {
    "arms: {VD-T: {promt: text}}": "arms.VD-T.promt: unknown axis 'promt'; did you mean 'prompt'?",
    "arms: {VD-T: {prompt: txt}}": "arms.VD-T.prompt: unknown level 'txt'; did you mean 'text'?",
    "arms: {VD-T: {prompt: null}}": "arms.VD-T.prompt: should be 'image', 'text' or 'image+text', is None",
    "arms: {VD-T: {timestep: 1000}}": "arms.VD-T.timestep: should be less than or equal to 999, is 1000",
    "arms: {VD-T: {timestep: true}}": "arms.VD-T.timestep: should be a valid integer, is True",
    "arms: {VD-T: {timestep: '5'}}": "arms.VD-T.timestep: should be a valid integer, is '5'",
    "arms: {VD-T: {timestep: 5.0}}": "arms.VD-T.timestep: should be a valid integer, is 5.0",
    "arms: {VD-T: {taps: []}}": "arms.VD-T.taps: no layer is named; name at least one, or write 'released'",
    "arms: {VD-T: {taps: [in, upp2]}}": "arms.VD-T.taps.1: unknown level 'upp2'; did you mean 'up2'?",
    "arms: {VD-T: {taps: relased}}": "arms.VD-T.taps: unknown level 'relased'; did you mean 'released'?",
    "arms: {VD-T: {taps: 5}}": "arms.VD-T.taps: should be a list or 'released', is 5",
    "arms: {VD-T: {taps: [in, in]}}": "arms.VD-T.taps: 'in' is named twice; name it once",
    "arms: {VD-T: }": "arms.VD-T: should be a mapping of keys to values, is None",
    "arms: [VD-T]": "arms: should be a mapping of keys to values, is ['VD-T']",
    "arms: {}": "arms: design 'listed' needs arms",
    "arms: {a/b: {}}": "arms: 'a/b' is no name",
    "arms: {'': {}}": "arms: '' is no name",
    ARMS + "reference: VD-IT": "reference: unknown arm 'VD-IT'; did you mean 'VD-T'?",
    ARMS + "refrence: VD-T": "refrence: unknown key 'refrence'; did you mean 'reference'?",
    ARMS + "seeds: []": "seeds: should be a list that is not empty, is []",
    ARMS + "seeds: [0, 0]": "seeds: 0 is there twice",
    ARMS + "seeds: [-1]": "seeds.0: should be greater than or equal to 0, is -1",
    ARMS + "seeds: [true]": "seeds.0: should be a valid integer, is True",
    ARMS + "seeds: 3": "seeds: should be a list, is 3",
    ARMS + "design: gird": "design: unknown value 'gird'; did you mean 'grid'?",
    ARMS + "design: grid": "axes: design 'grid' needs axes with levels",
    ARMS + "axes: {timestep: [0]}": "axes: design 'listed' varies no axes",
    ARMS + "design: one-factor\naxes: {timestep: [0]}": "reference: design 'one-factor' needs the name of the arm to vary",
    ARMS + "design: grid\naxes: {timestep: [0, 0]}": "axes.timestep: 0 is there twice",
    ARMS + "design: grid\naxes: {taps: [[in, up2], [up2, in]]}": "axes.taps: ('in', 'up2') is there twice",
    ARMS + "design: grid\naxes: {timestep: []}": "axes.timestep: no level is listed",
    ARMS + "design: grid\naxes: {timstep: [1]}": "axes.timstep: unknown axis 'timstep'; did you mean 'timestep'?",
    ARMS + "design: grid\naxes: {prompt: [text, imag]}": "axes.prompt.1: unknown level 'imag'; did you mean 'image'?",
    ARMS + "design: leave-one-out\naxes: {timestep: [1]}": "reference: design 'leave-one-out' needs the name of the arm to vary",
    ARMS + "design: leave-one-ot\naxes: {timestep: [1]}": "design: unknown value 'leave-one-ot'; did you mean 'leave-one-out'?",
    ARMS + "design: leave-one-out\nreference: VD-I\naxes: {timestep: [1]}": "reference: unknown arm 'VD-I'; did you mean 'VD-T'?",
    ARMS + "design: paired\naxes: {timestep: [1]}": "zip: design 'paired' needs the axes that change together",
    GRID + "zip: [[timestep, taps]]": "zip: design 'grid' pairs no axes; drop it, or write design: paired",
    ARMS + "zip: [[timestep, taps]]": "zip: design 'listed' pairs no axes",
    ARMS + "design: paired\naxes: {timestep: [1]}\nzip: [[timestep]]": "zip.0: a group needs two axes or more",
    ARMS + "design: paired\naxes: {timestep: [1]}\nzip: [[timestep, timestep]]": "zip.0: 'timestep' is there twice",
    ARMS + "design: paired\naxes: {timestep: [1]}\nzip: [timestep]": "zip.0: should be a list, is 'timestep'",
    SEARCH + "axes: {timestep: {low: 0, high: 5, step: 2}}": "axes.timestep: from 0 to 5 in steps of 2 ends nowhere",
    SEARCH + "axes: {timestep: {low: 0, high: 1000}}": "axes.timestep.1: should be less than or equal to 999, is 1000",
    SEARCH + "axes: {timestep: {low: 0, hihg: 9}}": "axes.timestep.hihg: unknown key 'hihg'; did you mean 'high'?",
    SEARCH + "axes: {timestep: {low: 0}}": "axes.timestep: key 'high' is missing; add it",
    SEARCH + "axes: {prompt: {low: 0, high: 1}}": "axes.prompt.0: should be 'image', 'text' or 'image+text', is 0",
    SEARCH + "axes: {timestep: 5}": "axes.timestep: should be a list, or a range {low: 0, high: 300, step: 50}, is 5",
    SEARCH + "axes: {timestep: [0]}\nseeds: [0, 1]": "seeds: a search takes one seed a point",
    SEARCH + "axes: {timestep: [0]}\nstart: other": "start: a search draws points that no other study has trained; drop it, or write",
    SEARCH.replace("trials: 3", "trials: 3, grace_steps: 30")
    + "axes: {timestep: [0]}": "search.grace_steps: is 30, and a stopped point keeps its last checkpoint; take a multiple of",
    SEARCH.replace("trials: 3", "trals: 3") + "axes: {timestep: [0]}": "search.trals: unknown key 'trals'; did you mean 'trials'?",
    SEARCH.replace("trials: 3", "trials: 3, metric: jg") + "axes: {timestep: [0]}": "search.metric: unknown value 'jg'; did you mean 'j'?",
    SEARCH.replace("search: {trials: 3}\n", "") + "axes: {timestep: [0]}": "search: design 'search' needs the number of points",
    SEARCH.replace("reference: VD-T\n", "") + "axes: {timestep: [0]}": "reference: design 'search' needs the name of the arm to vary",
    ARMS + "search: {trials: 3}": "search: design 'listed' searches nothing; drop it, or write design: search",
    ARMS + "when: {head: {backbone: [random]}}": "when: under design 'listed' no condition ever changes",
    GRID + "when: {head: {backbon: [random]}}": "when.head.backbon: unknown axis 'backbon'; did you mean 'backbone'?",
    GRID + "when: {head: {backbone: [randm]}}": "when.head.backbone.0: unknown level 'randm'; did you mean 'random'?",
    GRID + "when: {head: {backbone: []}}": "when.head.backbone: no level is listed",
    GRID + "when: {head: [random]}": "when.head: should be a mapping of keys to values, is ['random']",
    ARMS + "measure: [componets]": "measure.0: unknown value 'componets'; did you mean 'components'?",
    ARMS + "measure: [drift, drift]": "measure: 'drift' is there twice",
    ARMS + "methods: [MTTR, MTTR]": "methods: 'MTTR' is there twice",
    ARMS + "methods: [VD-T]": "methods: 'VD-T' is an arm, and a row has one source",
    ARMS + "methods: MTTR": "methods: should be a list, is 'MTTR'",
    ARMS + "data: {benchmark: miniatur}": "data.benchmark: unknown benchmark 'miniatur'; did you mean 'miniature'?",
    ARMS + "data: {sed: 1}": "data.sed: unknown key 'sed'; did you mean 'seed'?",
    ARMS + "data: {augment: {scales: [a]}}": "data.augment.scales.0: should be a valid integer, is 'a'",
    ARMS + "data: {augment: {cropped_scales: []}}": "data.augment.cropped_scales: should be a list that is not empty, is []",
    ARMS + "data: {boxes: inclusiv}": "data.boxes: unknown value 'inclusiv'; did you mean 'inclusive'?",
    ARMS + "data: {captions: relased}": "data.captions: unknown value 'relased'; did you mean 'released'?",
    ARMS + "data: 3": "data: should be a mapping of keys to values, is 3",
    ARMS + "train: {epochs: '9'}": "train.epochs: should be a valid integer, is '9'",
    ARMS + "train: {loss: {cee: 1}}": "train.loss.cee: unknown key 'cee'; did you mean 'ce'?",
    ARMS + "train: {deepspeed: {zero_optimization: {stage: 4}}}": "train.deepspeed.zero_optimization.stage: should be 0, 1, 2 or 3, is 4",
    ARMS + "model: {prompt: {kind: txt}}": "model.prompt.kind: unknown value 'txt'; did you mean 'text'?",
    ARMS + "model: {backbone: {name: modelscop}}": "model.backbone.name: unknown backbone 'modelscop'; did you mean 'modelscope'?",
    ARMS + "model: {backbone: {name: stable_diffusion}}": "model.backbone.name: unknown backbone 'stable_diffusion'",
    ARMS + "launch: {gpu: 1}": "launch.gpu: unknown key 'gpu'; did you mean 'gpus'?",
    ARMS + "launch: {gpus: 1, gpus: 2}": "line 4: key 'gpus' is there twice",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text.removeprefix(ARMS))
def test_a_mistake_is_named_with_file_key_path_and_the_right_word(write: Callable[[str], Path], text: str) -> None:
    write(f"{HEAD}{text}\n")
    with pytest.raises(ValueError) as error:
        spec.read("demo")
    assert str(error.value).startswith(f"experiments/demo.yaml: {WRONG[text]}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("preset: small\n", "key 'study' is missing"),
        ("study: demo\n", "key 'preset' is missing"),
        ("study: a/b\npreset: small\n", "study: 'a/b' is no name"),
        ("study: ..\npreset: small\n", "study: '..' is no name"),
        ("study: 3\npreset: small\n", "study: should be a valid string, is 3"),
        ("study: demo\npreset: smal\n" + ARMS, "preset: unknown preset 'smal'; did you mean 'small'?"),
        ("study: demo\npreset: ../small\n" + ARMS, "preset: '../small' is no name"),
    ],
)
def test_names_of_studies_and_presets_are_checked(write: Callable[[str], Path], text: str, message: str) -> None:
    write(text)
    with pytest.raises(ValueError) as error:
        spec.read("demo")
    assert str(error.value).startswith(f"experiments/demo.yaml: {message}")


def test_a_study_has_its_arms_axes_and_seeds_in_order(write: Callable[[str], Path]) -> None:
    head = f"{HEAD}design: one-factor\nreference: b\nseeds: [3, 1]\n"
    write(f"{head}arms: {{a: {{}}, b: {{taps: [up2, in]}}}}\naxes: {{timestep: [9, 0], frames: [1]}}\n")
    study = spec.read("demo")
    assert study.arms == (Arm("a", {}), Arm("b", {"taps": ("in", "up2")}))
    assert study.axes == (Axis("timestep", (9, 0)), Axis("frames", (1,)))
    assert (study.seeds, study.reference, study.measure) == ((3, 1), "b", ())


def test_the_study_overlays_the_preset_overlays_deepspeeds_file_overlays_the_defaults(write: Callable[[str], Path]) -> None:
    write(f"{HEAD}{ARMS}train: {{loss: {{ce: 7}}, learning_rate: 1}}\ndata: {{frames: 2}}\nlaunch: {{threads: 2}}\n")
    base = spec.read("demo").base
    assert base.train.deepspeed.gradient_clipping == 0.5  # cluster/deepspeed.json
    assert base.model.backbone.name == "miniature"  # the preset
    assert (base.train.loss.ce, base.train.loss.bbox, base.data.frames, base.launch.threads) == (7.0, 5.0, 2, 2)
    assert isinstance(base.train.learning_rate, float)


def test_folders_on_the_command_line_come_last_and_become_absolute(write: Callable[[str], Path], tmp_path: Path) -> None:
    write(f"{HEAD}{ARMS}launch: {{data: /x, weights: /y}}\n")
    assert spec.read("demo", data=Path("d")).base.launch == Launch(data=str(tmp_path / "d"), weights="/y")


def test_a_mistake_in_the_preset_or_in_deepspeeds_file_is_told_of_that_file(write: Callable[[str], Path], tmp_path: Path) -> None:
    write(HEAD + ARMS)
    speed = tmp_path / "cluster" / "deepspeed.json"
    speed.write_text('{"gradient_cliping": 1.0}')
    with pytest.raises(ValueError, match=r"cluster/deepspeed\.json: gradient_cliping: unknown key .*; did you mean 'gradient_clipping'\?"):
        spec.read("demo")
    speed.write_text("{}")
    preset = tmp_path / "experiments" / "presets" / "small.yaml"
    preset.write_text(preset.read_text() + "modle: {}\n")
    with pytest.raises(ValueError, match=r"presets/small\.yaml: modle: unknown key 'modle'; did you mean 'model'\?"):
        spec.read("demo")


@pytest.mark.parametrize("name", ["demo", "davis", "real", "ablation", "timestep", "taps", "refcoco"])
def test_every_shipped_study_is_valid_and_its_reference_comes_first(name: str) -> None:
    study = spec.read(str(Path(__file__).resolve().parents[2] / "experiments" / f"{name}.yaml"))
    assert study.study == name
    assert design.arms(study)[0].name == study.reference == "VD-IT"


def test_no_shipped_study_is_left_out_above() -> None:
    folder = Path(__file__).resolve().parents[2] / "experiments"
    assert {file.stem for file in folder.glob("*.yaml")} >= {"demo", "davis", "real", "ablation", "timestep", "taps", "refcoco"}


def test_pre_training_on_images_is_as_specified() -> None:
    base = spec.read(str(Path(__file__).resolve().parents[2] / "experiments" / "refcoco.yaml")).base
    assert (base.train.epochs, base.train.batch, base.train.learning_rate, base.train.drops) == (11, 2 * 2, 1e-4 * 2 / 8, (8, 10))
    assert (base.data.frames, base.launch.workers) == (1, 2)
    augment = base.data.augment
    assert (augment.scales, augment.max_side) == (tuple(range(480, 769, 32)), 800)
    assert (augment.crop_scales, augment.crop) == ((400, 500, 600), (384, 600))
    assert (augment.cropped_scales, augment.cropped_max_side) == ((296, 328, 360, 392, 416, 448, 480, 512), 640)
    assert (augment.flip, augment.photometric) == (0.5, False)
    assert (base.evaluate.short_side, base.evaluate.max_side) == (360, 640)


def test_weights_that_ship_are_named_and_none_are_random(write: Callable[[str], Path], tmp_path: Path) -> None:
    write(HEAD + ARMS)
    places = (("shipped:miniature", "shipped:miniature"), ("", ""), (tmp_path, str(tmp_path)), ("here", str(Path("here").resolve())))
    for given, kept in places:
        assert spec.read("demo", weights=given).base.launch.weights == kept
