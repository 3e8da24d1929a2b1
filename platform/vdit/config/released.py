"""Every option at the value the released code has, where the default is another (spec section 11)."""

from dataclasses import replace

from vdit.config.data import Data
from vdit.config.model import Backbone, Encode, Model, Noise
from vdit.config.train import Train
from vdit.config.trial import Trial


def released(trial: Trial) -> Trial:
    """A copy that computes what the released code computes; sizes, levels of axes and everything else stay."""
    return replace(trial, model=_model(trial.model), data=_data(trial.data), train=_train(trial.train))


def _model(model: Model) -> Model:
    backbone: Backbone = replace(model.backbone, mode="released")
    noise: Noise = replace(model.noise, statistics="batch")
    encode = Encode(posterior="sample", cast="truncate", resize="pil")
    return replace(model, backbone=backbone, noise=noise, encode=encode, diffusion=replace(model.diffusion, coefficients="sqrt"))


def _data(data: Data) -> Data:
    return replace(data, captions="released", boxes="inclusive")


def _train(train: Train) -> Train:
    return replace(train, class_head="re-initialise", invalid_boxes="released")
