"""The released VD-IT as a straightforward composition of stock parts: what this project's speed is measured against.

It does what the released code does (spec sections 1, 3, 6): the U-Net and the autoencoder run in full, deformable attention reads level
by level, controller, dynamic masks, matching and refinement run layer by layer, and each expression computes everything again. Parameters
have the released names, so that a released state dict loads. Float32, without dropout. Clips need two frames or more.
"""

# B clips, T frames, N = B x T with clips outermost, Q queries, C channels, O mask channels, H W size at stride 8

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import RobertaModel
from yardstick.criterion import Layer, matched, of_query
from yardstick.extractor import Clips, Extractor
from yardstick.transformer import MLP, Decoded, Transformer, moved, waves

from vdit.config.model import Model
from vdit.model import networks
from vdit.model.batch import Targets

PATCH = 4
STRIDE = 8


class Projection(nn.Module):
    """A text feature at the width of the head."""

    def __init__(self, words: int, width: int) -> None:
        super().__init__()
        self.fc = nn.Linear(words, width)
        self.layer_norm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.layer_norm(self.fc(x))
        return output


class MaskRefine(nn.Module):
    """A patch mask at stride 8 with 8x features, then at stride 4 with 4x features."""

    def __init__(self, fine: int, coarse: int) -> None:
        super().__init__()
        channels = PATCH**2
        self.conv1_1div8 = nn.Conv2d(channels + coarse, channels, kernel_size=3, padding=1)
        self.conv2_1div8 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.conv1_1div4 = nn.Conv2d(channels + fine, channels, kernel_size=3, padding=1)
        self.conv2_1div4 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)

    def forward(self, masks_NOHW: Tensor, fine_NCHW: Tensor, coarse_NCHW: Tensor) -> Tensor:
        x = masks_NOHW
        x = x + self.conv2_1div8(self.conv1_1div8(torch.cat([x, coarse_NCHW], dim=1).relu()).relu())
        x = F.interpolate(x, size=fine_NCHW.shape[-2:], mode="bilinear", align_corners=False)
        x = x + self.conv2_1div4(self.conv1_1div4(torch.cat([x, fine_NCHW], dim=1).relu()).relu())
        return torch.as_tensor(x)


class Released(nn.Module):
    """The whole model, in eval mode."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        head, words, channels = model.head, model.architecture.roberta.hidden_size, [model.pyramid.width * 2**i for i in range(4)]
        self.channels = head.mask_channels
        self.backbone = nn.ModuleList([nn.ModuleDict({"diff_ftex": Extractor(model)})])
        self.text_encoder = nn.ModuleDict({"text_backbone": RobertaModel(networks.roberta_config(model.architecture.roberta))})
        self.sentence_proj = Projection(words, head.width)
        self.text_encoder.requires_grad_(False)
        self.sentence_proj.requires_grad_(False)
        self.query_tensors = nn.Parameter(torch.randn(head.queries, head.width))
        self.query_embed = nn.Embedding(head.queries, head.width)
        self.class_embed = nn.ModuleList(nn.Linear(head.width, 1) for _ in range(head.decoder_layers))
        self.bbox_embed = nn.ModuleList(MLP(head.width, 4) for _ in range(head.decoder_layers))
        self.transformer = Transformer(head, self.bbox_embed)
        self.text_proj = Projection(words, head.width)
        self.fusion_module = nn.ModuleDict({"multihead_attn": nn.MultiheadAttention(head.width, head.heads)})
        convolutions = [nn.Conv2d(c, head.width, kernel_size=1) for c in channels[1:]]
        convolutions.append(nn.Conv2d(channels[-1], head.width, kernel_size=3, stride=2, padding=1))
        self.input_proj = nn.ModuleList(nn.Sequential(conv, nn.GroupNorm(32, head.width)) for conv in convolutions)
        self.controller = MLP(head.width, self.channels * (head.width + 2) + self.channels**2 + 2 * self.channels)
        self.mask_refine = MaskRefine(channels[0], channels[1])
        self.eval()

    def extractor(self) -> Extractor:
        extractor = self.get_submodule("backbone.0.diff_ftex")
        assert isinstance(extractor, Extractor)
        return extractor

    def forward(self, clips: Clips, targets: Targets) -> list[Layer]:
        """Training: the matched query's masks, one layer after the other."""
        levels = self.extractor()(clips)
        decoded, features = self.decode(clips, levels)
        outputs = []
        for layer in range(len(self.class_embed)):
            logits_BTQ, boxes_BTQ4 = self.heads(decoded, layer, clips)
            patches_BTQOHW = self.patches(decoded, layer, features, clips)
            low_BTQHW = F.pixel_shuffle(patches_BTQOHW, PATCH).squeeze(3)
            chosen_B = matched(logits_BTQ, boxes_BTQ4, low_BTQHW, targets)
            low_BTHW, masks_BTHW = of_query(low_BTQHW, chosen_B), self.refine(of_query(patches_BTQOHW, chosen_B), levels)
            outputs.append(Layer(logits_BTQ, boxes_BTQ4, chosen_B, low_BTHW, masks_BTHW))
        return outputs

    @torch.no_grad()
    def predict(self, clips: Clips) -> Layer:
        """Inference: the surest query of the last layer. Masks are drawn in every layer, refined in the last."""
        levels = self.extractor()(clips)
        decoded, features = self.decode(clips, levels)
        for layer in range(len(self.class_embed)):
            logits_BTQ, boxes_BTQ4 = self.heads(decoded, layer, clips)
            patches_BTQOHW = self.patches(decoded, layer, features, clips)
        chosen_B = logits_BTQ.sigmoid().mean(dim=1).argmax(dim=1)
        chosen = of_query(patches_BTQOHW, chosen_B)
        low_BTHW = F.pixel_shuffle(chosen, PATCH).squeeze(2)
        return Layer(logits_BTQ, boxes_BTQ4, chosen_B, low_BTHW, self.refine(chosen, levels))

    def decode(self, clips: Clips, levels: list[Tensor]) -> tuple[Decoded, Tensor]:
        """What the queries found, and the mask features [N, C, H, W]."""
        padding_NHW = clips.padding_BTHW.flatten(0, 1)[:, None].float()
        maps = [project(x) for project, x in zip(self.input_proj, [*levels[1:], levels[-1]], strict=True)]
        padding = [F.interpolate(padding_NHW, size=x.shape[-2:])[:, 0].bool() for x in maps]
        queries_QBC = self.queries(clips)
        queries_NQC = queries_QBC.transpose(0, 1).repeat_interleave(clips.frames_BT3HW.shape[1], dim=0)
        decoded = self.transformer(maps, padding, queries_NQC, self.query_embed.weight)
        finest, *coarser = decoded.maps_NCHW[:3]
        resized = [F.interpolate(x, size=finest.shape[-2:], mode="bicubic", align_corners=False) for x in coarser]
        return decoded, sum(resized, finest)

    def queries(self, clips: Clips) -> Tensor:
        """[Q, B, C]: learned queries times what they attend to in the sentence."""
        encoded = self.text_encoder["text_backbone"](input_ids=clips.words_BL, attention_mask=clips.attention_BL)
        self.sentence_proj(encoded.pooler_output)  # the released forward computes it and does not use it
        words_LBC = self.text_proj(encoded.last_hidden_state).transpose(0, 1)
        index_BL = clips.attention_BL.cumsum(dim=1).float()
        places_BLC = waves(index_BL / (index_BL[:, -1:] + 1e-6) * 2 * torch.pi, words_LBC.shape[-1])
        queries_QBC = self.query_tensors[:, None].repeat(1, words_LBC.shape[1], 1)
        attention = self.fusion_module["multihead_attn"]
        keys_LBC = words_LBC + places_BLC.transpose(0, 1)
        attended_QBC, _ = attention(queries_QBC, keys_LBC, words_LBC, key_padding_mask=clips.attention_BL != 1)
        return queries_QBC * attended_QBC

    def heads(self, decoded: Decoded, layer: int, clips: Clips) -> tuple[Tensor, Tensor]:
        states_NQC, reference_NQX = decoded.states_NQC[layer], decoded.references_NQX[layer]
        logits_NQ = self.class_embed[layer](states_NQC).squeeze(-1)
        boxes_NQ4 = moved(self.bbox_embed[layer](states_NQC), reference_NQX)
        split = clips.frames_BT3HW.shape[:2]
        return logits_NQ.unflatten(0, split), boxes_NQ4.unflatten(0, split)

    def patches(self, decoded: Decoded, layer: int, features_NCHW: Tensor, clips: Clips) -> Tensor:
        """[B, T, Q, O, H, W], clip by clip."""
        split = clips.frames_BT3HW.shape[:2]
        parameters_BTQP = self.controller(decoded.states_NQC[layer]).unflatten(0, split)
        points_BTQ2 = decoded.references_NQX[layer + 1][..., :2].unflatten(0, split) * clips.sizes_B2.flip(-1)[:, None, None]
        each = zip(features_NCHW.unflatten(0, split), parameters_BTQP, points_BTQ2, strict=True)
        return torch.stack([self.clip_patches(features, parameters, points) for features, parameters, points in each])

    def clip_patches(self, features_TCHW: Tensor, parameters_TQP: Tensor, points_TQ2: Tensor) -> Tensor:
        """[T, Q, O, H, W] by one convolution with T x Q groups, features and places repeated for each query."""
        frames, queries, _ = parameters_TQP.shape
        channels, height, width = features_TCHW.shape[1:]
        groups, outputs = frames * queries, self.channels
        places = (torch.arange(n, device=points_TQ2.device) * STRIDE + STRIDE // 2 for n in (height, width))
        y_HW, x_HW = torch.meshgrid(*places, indexing="ij")
        relative = points_TQ2[..., None, None] - torch.stack((x_HW, y_HW))
        x = torch.cat([features_TCHW[:, None].repeat(1, queries, 1, 1, 1), relative], dim=2).reshape(1, -1, height, width)
        lengths = [outputs * (channels + 2), outputs**2, outputs, outputs]
        first, second, first_bias, second_bias = parameters_TQP.reshape(groups, -1).split(lengths, dim=-1)
        x = F.conv2d(x, first.reshape(groups * outputs, channels + 2, 1, 1), first_bias.flatten(), groups=groups).relu()
        x = F.conv2d(x, second.reshape(groups * outputs, outputs, 1, 1), second_bias.flatten(), groups=groups)
        return x.reshape(frames, queries, outputs, height, width)

    def refine(self, patches_BTOHW: Tensor, levels: list[Tensor]) -> Tensor:
        """[B, T, 8 H, 8 W]."""
        refined_NOHW = self.mask_refine(patches_BTOHW.flatten(0, 1), levels[0], levels[1])
        return F.pixel_shuffle(refined_NOHW, PATCH).squeeze(1).unflatten(0, patches_BTOHW.shape[:2])
