"""SgMg's spectrum filter: high frequencies of a map are damped and the rest is mixed over channels, frame by frame (spec 9, 9.1, B25).

N frames of all clips, C channels, H W size of a level; a spectrum is [N, 2 C, H, W], real parts before imaginary ones.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vdit.model.precision import no_autocast, single


class Gaussians(nn.Module):
    """How much of each frequency the gate reaches, for every level; spectra are not shifted, so the middle is the highest frequency.

    `sigma` is the spread at the first level, in cells. Every further map is the one before it at another size.
    """

    def __init__(self, sigma: float) -> None:
        super().__init__()
        self.sigma = sigma

    def forward(self, maps_NCHW: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """[1, 1, H, W] for each map."""
        first, *others = maps_NCHW
        gaussians = [torch.outer(*(self._wave(side, first.device) for side in first.shape[-2:]))[None, None]]
        for other in others:
            gaussians.append(F.interpolate(gaussians[-1], size=other.shape[-2:], mode="bilinear", align_corners=False))
        return tuple(gaussians)

    def _wave(self, side: int, device: torch.device) -> Tensor:
        distance = torch.arange(side, dtype=torch.float32, device=device) - side // 2
        return torch.exp(-distance.square() / (2 * self.sigma**2))


class Gate(nn.Module):
    """[N, 1] in (0, 1): how much of the high frequencies a map should lose. The map has at least 3x3 cells."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.edges = nn.Conv2d(width, width, kernel_size=3)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.hidden = nn.Linear(width, width, bias=False)
        self.output = nn.Linear(width, 1, bias=False)

    def forward(self, map_NCHW: Tensor) -> Tensor:
        pooled_NC = self.pool(self.edges(map_NCHW)).flatten(1)
        gate_N1: Tensor = self.output(self.hidden(pooled_NC).relu()).sigmoid()
        return gate_N1


class DampedSpectrum(nn.Module):
    """The Fourier transform of a map, its high frequencies damped by the gate."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gate = Gate(width)

    def forward(self, map_NCHW: Tensor, gaussian_11HW: Tensor) -> Tensor:
        damping_N1HW = 1 - self.gate(map_NCHW)[..., None, None] * gaussian_11HW
        spectrum_NCHW = torch.fft.fft2(map_NCHW) * damping_N1HW
        return torch.cat((spectrum_NCHW.real, spectrum_NCHW.imag), dim=1)


class SpectrumFilter(nn.Module):
    """A map plus what its damped and mixed spectrum looks like. Single precision throughout: an unnormalised spectrum exceeds float16."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.spectrum = DampedSpectrum(width)
        self.mix = nn.Sequential(nn.Conv2d(2 * width, 2 * width, kernel_size=1), nn.ReLU(), nn.Conv2d(2 * width, 2 * width, kernel_size=1))

    def forward(self, map_NCHW: Tensor, gaussian_11HW: Tensor) -> Tensor:
        with no_autocast(map_NCHW.device):
            map_NCHW = single(map_NCHW)
            real, imaginary = self.mix(self.spectrum(map_NCHW, gaussian_11HW)).chunk(2, dim=1)
            # Mixing leaves no Hermitian spectrum: its inverse is complex, and irfft2 would be another function than the real part.
            filtered_NCHW: Tensor = map_NCHW + torch.fft.ifft2(torch.complex(real, imaginary)).real
        return filtered_NCHW
