"""A trial with a store is the trial without it, to the bit; a clip is encoded once for all trials; damage is found and mended.

Oracles: the same trial without a store; the calls of the networks themselves, counted.
"""

import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from vdit.features.remote import Remote, RemoteError, remote_of
from vdit.features.store import Store, create
from vdit.model import autoencoder, tokens
from vdit.record import scores
from vdit.schedule.run import prepare
from vdit.study import plan as planning
from vdit.study import spec
from vdit.train import checkpoint
from vdit.train.group import Member
from vdit.train.session import Session

ALONE = Member(0, 1, torch.device("cpu"))
ARMS = """arms:
  VD-I: {prompt: image, noise: gaussian}
  VD-T: {prompt: text, noise: gaussian}
  VD-IT without noise prediction: {prompt: image+text, noise: gaussian}
  VD-IT: {prompt: image+text, noise: predicted}
"""
pytestmark = pytest.mark.usefixtures("process_group")


@pytest.fixture
def tiny(tiny: Path) -> Path:
    """Two steps a trial and one video to measure it on."""
    tiny.write_text(tiny.read_text().replace("max_steps: 6", "max_steps: 2").replace("valid_videos: 2", "valid_videos: 1"))
    return tiny


def planned(study: Path, runs: Path, store: str = "on", change: str = "") -> planning.Plan:
    text = study.read_text()
    study.write_text(text.replace("launch: {", f"launch: {{store: {store}, ") + change)
    made = planning.build(spec.read(str(study)), runs)
    study.write_text(text)
    return made


def finish(plan: planning.Plan, runs: Path) -> dict[tuple[str, int], Path]:
    """Every trial of a plan, in one session."""
    session, places = Session(ALONE, runs), {}
    for trial in plan.trials:
        place = prepare(trial, plan, runs)
        progress = session.open(place)
        while not progress.finished:
            progress = session.advance()
        places[trial.trial.arm, trial.trial.seed] = place
    return places


def losses(place: Path) -> list[dict[str, float]]:
    """Of every step, without what the machine did meanwhile."""
    rows = [json.loads(line) for line in (place / "metrics.jsonl").read_text().splitlines()]
    rows = [{name: value for name, value in row.items() if not name.startswith("system/")} for row in rows]
    return [{name: value for name, value in row.items() if name not in ("time", "seconds")} for row in rows]


def same(first: Path, second: Path) -> None:
    """Two trials ended alike: every loss and gradient norm, every parameter, every score."""
    assert losses(first) == losses(second)
    saved = [checkpoint.read(place / "checkpoint" / checkpoint.NAME) for place in (first, second)]
    assert all(torch.equal(tensor, saved[1][0][name]) for name, tensor in saved[0][0].items())
    for name in ("scores.parquet", "shuffled.parquet", "closest.parquet", "light.parquet", "drift.parquet"):
        assert scores.read(first / name).equals(scores.read(second / name))


def counted(place: Path) -> dict[str, dict[str, float]]:
    return json.loads((place / "result.json").read_text())["store"]


@contextmanager
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Counter[bytes]]]:
    """How often each network saw the same pixels."""
    seen: dict[str, Counter[bytes]] = {"vae": Counter(), "image": Counter()}
    encode, look = autoencoder.encode, tokens.tokens
    with monkeypatch.context() as patch:
        counting = SimpleNamespace(encode=lambda vae, x: seen["vae"].update([bytes(x.numpy().data)]) or encode(vae, x))
        looking = SimpleNamespace(
            tokens=lambda tower, x: seen["image"].update([bytes(x.numpy().data)]) or look(tower, x), prepare=tokens.prepare
        )
        patch.setattr("vdit.model.encode.autoencoder", counting)
        patch.setattr("vdit.model.encode.tokens", looking)
        yield seen


def test_each_clip_of_four_arms_and_two_seeds_is_encoded_once(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head, _, rest = tiny.read_text().replace("seeds: [0]", "seeds: [0, 1]").partition("arms:\n")
    tiny.write_text(head + ARMS + rest[rest.index("measure") :])
    runs = tmp_path / "runs"
    create(runs / "store")
    plan = planned(tiny, runs)
    with calls(monkeypatch) as seen:
        places = finish(plan, runs)
    assert len(places) == 8
    assert set(seen["vae"].values()) == set(seen["image"].values()) == {1}
    reports = [counted(place) for place in places.values()]
    assert len({count["read"] + count["encoded"] for report in reports for count in report.values()}) == 1, "all trials see the same clips"
    entries = [path for path in (runs / "store").glob("*/*/*") if path.parent.parent.name != "locks"]
    for stage, network in (("VAE latents", "vae"), ("image tokens", "image")):
        encoded = sum(report[stage]["encoded"] for report in reports if stage in report)
        assert encoded == len(seen[network]) == sum(path.parent.parent.name.startswith(stage.split()[0].lower()) for path in entries)


@pytest.mark.parametrize(
    "change",
    ["", "model: {encode: {posterior: sample}, backbone: {mode: released}}\n"],
    ids=["eval", "released"],
)
def test_a_trial_with_a_store_is_the_one_without(tiny: Path, tmp_path: Path, change: str) -> None:
    """Filling it, and read from it."""
    without = finish(planned(tiny, tmp_path / "without", "off", change), tmp_path / "without")
    create(tmp_path / "shared")
    filled, read = (finish(planned(tiny, tmp_path / runs, str(tmp_path / "shared"), change), tmp_path / runs) for runs in ("a", "b"))
    assert filled.keys() == without.keys()
    for name, place in without.items():
        assert place.name == filled[name].name, "the store is no part of the key"
        same(place, filled[name])
        same(place, read[name])
        assert "store" not in json.loads((place / "result.json").read_text())
        assert all(count["encoded"] == 0 and count["read"] for count in counted(read[name]).values())


def test_half_precision_is_kept_as_it_is_and_apart(tiny: Path, tmp_path: Path) -> None:
    half = "train: {max_steps: 2, deepspeed: {torch_autocast: {enabled: true}}}"
    create(tmp_path / "shared")
    single = finish(planned(tiny, tmp_path / "single", str(tmp_path / "shared")), tmp_path / "single")
    tiny.write_text(tiny.read_text().replace("train: {max_steps: 2}", half).replace("evaluate: {", "evaluate: {autocast: bfloat16, "))
    without = finish(planned(tiny, tmp_path / "without", "off"), tmp_path / "without")
    filled, read = (finish(planned(tiny, tmp_path / runs, str(tmp_path / "shared")), tmp_path / runs) for runs in ("a", "b"))
    for name, place in without.items():
        same(place, filled[name])
        same(place, read[name])
    encoded = [counted(place["VD-IT", 0])["VAE latents"]["encoded"] for place in (single, filled)]
    assert encoded[0] == encoded[1] > 0, "entries of single precision are not taken"


def test_clips_are_kept_whatever_lies_beside_them(tiny: Path, tmp_path: Path) -> None:
    """One clip a forward pass, or two: the same entries, as long as the frames are padded alike."""
    create(tmp_path / "shared")
    finish(planned(tiny, tmp_path / "two", str(tmp_path / "shared")), tmp_path / "two")
    tiny.write_text(tiny.read_text().replace("launch: {", "launch: {micro_batch: 1, "))
    one = finish(planned(tiny, tmp_path / "one", str(tmp_path / "shared")), tmp_path / "one")
    assert all(count["encoded"] == 0 for place in one.values() for count in counted(place).values())


def test_a_flipped_byte_is_found_named_and_mended(tiny: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    create(tmp_path / "shared")
    first = finish(planned(tiny, tmp_path / "a", str(tmp_path / "shared")), tmp_path / "a")
    flipped, torn = sorted(path for path in (tmp_path / "shared").glob("vae-latents-*/*/*"))[:2]
    content = bytearray(flipped.read_bytes())
    original = sha256(content).digest()
    content[len(content) // 2] ^= 1
    flipped.write_bytes(content)
    whole = torn.read_bytes()
    torn.write_bytes(whole[:-1])
    with caplog.at_level(logging.WARNING):
        second = finish(planned(tiny, tmp_path / "b", str(tmp_path / "shared")), tmp_path / "b")
    for name, place in first.items():
        same(place, second[name])
    for path in (flipped, torn):
        (said,) = [record.getMessage() for record in caplog.records if path.name in record.getMessage()]
        assert "is damaged (torn, or a byte flipped); computed again" in said
    # Not the bytes themselves, whose difference pytest would spell out.
    assert sha256(torn.read_bytes()).digest() == sha256(whole).digest()
    assert sha256(flipped.read_bytes()).digest() == original
    assert sum(counted(place)["VAE latents"]["damaged"] for place in second.values()) == 2


def test_a_store_that_takes_nothing_more_ends_no_trial(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    without = finish(planned(tiny, tmp_path / "without", "off"), tmp_path / "without")
    create(tmp_path / "runs" / "store")
    monkeypatch.setattr(Store, "publish", full)
    for name, place in finish(planned(tiny, tmp_path / "runs"), tmp_path / "runs").items():
        same(without[name], place)
    assert caplog.text.count("cannot be written (No space left on device); the trial goes on") == len(without)


def one(study: Path, runs: Path, store: str) -> Path:
    """The first trial, finished."""
    plan = planned(study, runs, store)
    create(runs / "store", remote_of(store))
    (place,) = finish(replace(plan, trials=plan.trials[:1]), runs).values()
    return place


def test_another_runs_folder_takes_from_a_url_what_is_there_and_mends_it(tiny: Path, tmp_path: Path) -> None:
    url = f"file://{tmp_path}/far"
    first = one(tiny, tmp_path / "a", url)
    objects = {path: path.read_bytes() for path in (tmp_path / "far").rglob("*") if path.is_file()}
    assert sum(count["encoded"] for count in counted(first).values()) == len(objects) > 1
    second = one(tiny, tmp_path / "b", url)
    same(first, second)
    assert all(count["encoded"] == 0 and count["read"] for count in counted(second).values())
    flipped = min(path for path in objects if path.parent.parent.name.startswith("vae-latents"))
    flipped.write_bytes(objects[flipped][:-1] + bytes([objects[flipped][-1] ^ 1]))
    third = one(tiny, tmp_path / "c", url)
    same(first, third)
    assert [sum(count[name] for count in counted(third).values()) for name in ("encoded", "damaged")] == [1, 1]
    assert all(sha256(path.read_bytes()).digest() == sha256(whole).digest() for path, whole in objects.items())


def test_nobody_waits_for_an_upload(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock of an entry is free again while it goes to the URL."""
    url, free = f"file://{tmp_path}/far", list[bool]()

    def look(remote: Remote, name: str, path: Path) -> None:
        with Store(tmp_path / "runs" / "store").writing(name, patience=0) as mine:
            free.append(mine)

    monkeypatch.setattr(Remote, "put", look)
    one(tiny, tmp_path / "runs", url)
    assert free and all(free)


def test_a_url_that_fails_in_the_middle_ends_no_trial(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def cut(*_: object) -> None:
        raise RemoteError("Connection reset by peer")

    url = f"file://{tmp_path}/far"
    without = one(tiny, tmp_path / "without", "off")
    for method in ("fetch", "put"):
        with monkeypatch.context() as patch:
            patch.setattr(Remote, method, cut)
            caplog.clear()
            place = one(tiny, tmp_path / method, url)
        same(without, place)
        assert caplog.text.count(f"{url} cannot be used (Connection reset by peer); the trial goes on with") == 1
        here = [path for path in (tmp_path / method / "store").glob("*/*/*") if path.is_file()]
        assert sum(count["encoded"] for count in counted(place).values()) == len(here), "each is kept in the runs folder"


def test_a_node_that_does_not_see_the_store_says_so(tiny: Path, tmp_path: Path) -> None:
    plan = planned(tiny, tmp_path / "runs", str(tmp_path / "elsewhere"))
    place = prepare(plan.trials[0], plan, tmp_path / "runs")
    with pytest.raises(ValueError, match=r"elsewhere is no store on .*every node must see the same folder"):
        Session(ALONE, tmp_path / "runs").open(place)


def test_the_store_is_no_part_of_a_trials_identity(tiny: Path, tmp_path: Path) -> None:
    keys = [[trial.key for trial in planned(tiny, tmp_path / "runs", store).trials] for store in ("off", "on", "/somewhere")]
    assert keys[0] == keys[1] == keys[2]
