"""The miniature learns one clip by heart: its loss falls below a fifth within 200 steps at the preset's learning rate."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from vdit import registry
from vdit.clips.sampling import sample
from vdit.model.collate import collate
from vdit.model.losses import losses, total, visible_frames
from vdit.model.vdit import VDIT
from vdit.study import spec


@pytest.mark.slow
@pytest.mark.usefixtures("process_group")
def test_the_loss_on_one_clip_falls_below_a_fifth(tmp_path: Path) -> None:
    base = spec.read("demo").base
    model = replace(base.model, head=replace(base.model.head, dropout=0.0))
    data = replace(base.data, augment=replace(base.data.augment, enabled=False))
    benchmark = registry.find("benchmarks", data.benchmark)
    split = benchmark.read(benchmark.locate(data, tmp_path / "data"), "train", data.frames)
    frozen = registry.find("backbones", model.backbone.name).load(model, tmp_path / "weights", torch.device("cpu"))
    vdit = VDIT(model, frozen, seed=0)
    batch = collate([sample(split, split.items[0], data, 0, 0)])
    assert batch.frames_BT3HW.shape == (1, 5, 3, 64, 96)
    assert batch.targets is not None
    optimizer = torch.optim.AdamW(vdit.parameters(), lr=base.train.learning_rate, weight_decay=base.train.weight_decay)
    curve = []
    for _ in range(200):
        terms = losses(vdit(batch, base.train.match), batch.targets, base.train.loss, visible_frames(batch.targets))
        loss = total(terms, base.train.loss)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vdit.parameters(), base.train.deepspeed.gradient_clipping)
        optimizer.step()
        curve.append(loss.item())
    print(f"loss {curve[0]:.2f} -> {curve[-1]:.2f} ({100 * curve[-1] / curve[0]:.1f} %)")
    assert curve[-1] < 0.2 * curve[0]
