"""Oracles: diffusers' own pass through the U-Net, and its scheduler."""

import pytest
import torch

from vdit.config.recipe import Prediction
from vdit.model.networks import forward_process
from vdit.pretrain.noising import noised, predict, target
from vdit.pretrain.recipe import Pretraining
from vdit.pretrain.stages.denoiser import Prompted
from vdit.train.seeds import drawing

CPU = torch.device("cpu")


def test_the_pass_in_training_is_that_of_diffusers(finished: Pretraining) -> None:
    with drawing(0, CPU):
        unet = Prompted(finished.given()).unet.eval()
        for parameter in unet.parameters():
            # Layers that begin at zero would hide what lies behind them.
            torch.nn.init.normal_(parameter, std=0.1)
        noisy_BTCHW, prompts_BLC = torch.randn(2, 3, 4, 4, 6), torch.randn(2, 5, 32)
    steps_B = torch.tensor([7, 800])
    with torch.no_grad():
        expected = unet(noisy_BTCHW.transpose(1, 2), steps_B, prompts_BLC).sample.transpose(1, 2)
        torch.testing.assert_close(predict(unet, noisy_BTCHW, steps_B, prompts_BLC), expected, atol=2e-4, rtol=1e-3)
    assert not torch.allclose(expected[0], expected[1], atol=1e-2)


@pytest.mark.parametrize("prediction", ["v", "epsilon"])
def test_noise_and_target_are_those_of_diffusers_scheduler(prediction: Prediction) -> None:
    scheduler = forward_process()
    generator = torch.Generator().manual_seed(0)
    latents, noise = torch.randn(3, 2, 4, 2, 2, generator=generator), torch.randn(3, 2, 4, 2, 2, generator=generator)
    steps_B = torch.tensor([0, 500, 999])
    share_B = torch.as_tensor(scheduler.alphas_cumprod).double()[steps_B]
    torch.testing.assert_close(noised(latents, noise, share_B), scheduler.add_noise(latents, noise, steps_B), atol=1e-5, rtol=1e-5)
    wanted = scheduler.get_velocity(latents, noise, steps_B) if prediction == "v" else noise
    torch.testing.assert_close(target(latents, noise, share_B, prediction), wanted, atol=1e-5, rtol=1e-5)
