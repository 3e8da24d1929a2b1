"""Oracles: what the files import, read from their syntax trees; what a stage depends on, by hand."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest

import vdit
from vdit.config.code import code_digest
from vdit.config.stage import CODE, Digests, group, stage_code, stored
from vdit.config.trial import Trial

ROOT = Path(vdit.__file__).parent
DIGESTS = Digests("data", "weights", "code")
VD_IT = Trial(arm="VD-IT")
# Types that flow, and what an autoencoder or image tower is; no arithmetic.
ONLY_TYPES = {"model/batch.py", "model/frozen.py", "model/precision.py"}


def imported(path: Path) -> set[str]:
    """Files of vdit/model that a file imports, directly or not, what it needs only for types left out."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("vdit.model"):
            names = [f"{node.module}.{alias.name}" for alias in node.names] + [node.module]
            files = {Path(*name.split(".")[1:]).with_suffix(".py") for name in names}
            found |= {file.as_posix() for file in files if (ROOT / file).is_file()}
    return found


def test_the_code_of_the_stages_is_all_that_their_file_needs() -> None:
    seen, todo = set(), {"model/encode.py"}
    while todo:
        seen |= todo
        todo = {name for path in todo - ONLY_TYPES for name in imported(ROOT / path)} - seen
    assert seen - ONLY_TYPES == set(CODE)


def test_an_edit_of_the_head_leaves_the_stages_code_as_it_is(tmp_path: Path) -> None:
    before = stage_code(tmp_path)
    assert before == stage_code(None) == code_digest(CODE) != code_digest((*CODE, "model/head.py"))


def test_a_text_prompt_has_no_image_tokens_and_a_trained_backbone_no_stage() -> None:
    text = replace(VD_IT, model=replace(VD_IT.model, prompt=replace(VD_IT.model.prompt, kind="text")))
    swin = replace(VD_IT, model=replace(VD_IT.model, backbone=replace(VD_IT.model.backbone, name="video-swin")))
    assert (stored(VD_IT), stored(text), stored(swin)) == (("VAE latents", "image tokens"), ("VAE latents",), ())


def changed(**parts: object) -> Trial:
    """VD-IT with fields of `model.encode` changed."""
    return replace(VD_IT, model=replace(VD_IT.model, encode=replace(VD_IT.model.encode, **parts)))


@pytest.mark.parametrize(
    ("trial", "digests", "latents", "tokens"),
    [
        (replace(VD_IT, arm="other", seed=3), DIGESTS, True, True),
        (replace(VD_IT, model=replace(VD_IT.model, head=replace(VD_IT.model.head, queries=7))), DIGESTS, True, True),
        (replace(VD_IT, train=replace(VD_IT.train, learning_rate=1.0)), DIGESTS, True, True),
        (changed(posterior="sample"), DIGESTS, False, True),
        (changed(cast="truncate"), DIGESTS, True, False),
        (changed(resize="pil"), DIGESTS, True, False),
        (replace(VD_IT, data=replace(VD_IT.data, seed=1)), DIGESTS, False, False),
        (VD_IT, DIGESTS._replace(code="other"), False, False),
        (VD_IT, DIGESTS._replace(weights="other"), False, False),
        (VD_IT, DIGESTS._replace(data="other"), False, False),
    ],
)
def test_a_group_is_the_same_for_trials_that_differ_in_nothing_upstream(
    trial: Trial, digests: Digests, latents: bool, tokens: bool
) -> None:
    assert (group("VAE latents", trial, digests) == group("VAE latents", VD_IT, DIGESTS)) is latents
    assert (group("image tokens", trial, digests) == group("image tokens", VD_IT, DIGESTS)) is tokens
