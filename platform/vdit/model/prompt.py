"""Text-guided image projection: one prompt a frame from words and image tokens (Section 4.1, Eq. 1; spec 1.4 and 2)."""

# B clips, T frames, BT both with clips outermost, L words, P image tokens, C prompt channels, V image channels

import torch
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn import functional

from vdit.config import model as config


class ImageProjection(nn.Module):
    """Image tokens -> the width of the words: linear, then linear with a skip; no non-linearity between (spec 1.3)."""

    def __init__(self, image_width: int, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(image_width, width)
        self.second = nn.Linear(width, width)

    def forward(self, tokens_NPV: Tensor) -> Tensor:
        projected_NPC = self.first(tokens_NPV)
        return torch.add(self.second(projected_NPC), projected_NPC)


class TextGuidedProjection(nn.Module):
    """Eq. 1: words attend to the image tokens of a frame; a feed-forward layer follows, both with a skip and a norm behind it."""

    def __init__(self, prompt: config.Prompt, width: int) -> None:
        super().__init__()
        inner = prompt.heads * prompt.head_dim
        self.heads = prompt.heads
        self.query = nn.Linear(width, inner, bias=False)
        self.key = nn.Linear(width, inner, bias=False)
        self.value = nn.Linear(width, inner, bias=False)
        self.out = nn.Linear(inner, width, bias=False)
        self.attention_norm = nn.LayerNorm(width, eps=1e-6)
        self.expand = nn.Linear(width, prompt.feedforward)
        self.contract = nn.Linear(prompt.feedforward, width)
        self.feedforward_norm = nn.LayerNorm(width, eps=1e-6)

    def look(self, image_NPC: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values [N, heads, P, D] of the frames of all clips: the half that does not depend on the words."""
        split = "n p (h d) -> n h p d"
        return rearrange(self.key(image_NPC), split, h=self.heads), rearrange(self.value(image_NPC), split, h=self.heads)

    def forward(self, words_BLC: Tensor, seen: tuple[Tensor, Tensor]) -> Tensor:
        """[N, L, C] of what `look` made of N = B x T frames."""
        frames = seen[0].shape[0] // words_BLC.shape[0]
        query = repeat(self.query(words_BLC), "b l (h d) -> (b t) h l d", h=self.heads, t=frames)
        attended = rearrange(functional.scaled_dot_product_attention(query, *seen), "n h l d -> n l (h d)")
        seen_NLC = self.attention_norm(self.out(attended) + repeat(words_BLC, "b l c -> (b t) l c", t=frames))
        return torch.as_tensor(self.feedforward_norm(self.contract(functional.relu(self.expand(seen_NLC))) + seen_NLC))


class Prompt(nn.Module):
    """What the U-Net is prompted with: words, projected image tokens, or words that have seen the image (rows 1-3 of Table 3)."""

    def __init__(self, prompt: config.Prompt, width: int, image_width: int) -> None:
        super().__init__()
        self.kind = prompt.kind
        self.image = ImageProjection(image_width, width) if prompt.kind != "text" else None
        self.guided = TextGuidedProjection(prompt, width) if prompt.kind == "image+text" else None

    def look(self, tokens_NPV: Tensor | None) -> tuple[Tensor, ...]:
        """What the prompt takes from the frames, whatever is said of them; nothing where it is the text alone."""
        if self.image is None:
            return ()
        image_NPC: Tensor = self.image(tokens_NPV)
        return (image_NPC,) if self.guided is None else self.guided.look(image_NPC)

    def forward(self, words_BLC: Tensor, seen: tuple[Tensor, ...], frames: int) -> Tensor:
        """[BT, L or P, C] of what `look` saw; `frames` is T."""
        match seen:
            case ():
                return repeat(words_BLC, "b l c -> (b t) l c", t=frames)
            case (image_NPC,):
                return image_NPC
            case (keys, values):
                assert self.guided is not None
                return torch.as_tensor(self.guided(words_BLC, (keys, values)))
        raise AssertionError(len(seen))
