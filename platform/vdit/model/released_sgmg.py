"""Names in a released SgMg checkpoint, and ours (spec section 9.1); what its head shares with VD-IT's is in released_head.py."""

from collections.abc import Mapping

from torch import Tensor

from vdit.model.released import renamed
from vdit.model.released_head import head_state
from vdit.model.swin import PATCH_WEIGHT, of_one_frame

# Checkpoint name, as a regular expression, and ours: of the head where it differs from VD-IT's, of Video Swin, of RoBERTa.
HEAD: tuple[tuple[str, str], ...] = (
    (r"sentence_proj\.fc\.(.+)", r"queries.sentence.linear.\1"),
    (r"sentence_proj\.layer_norm\.(.+)", r"queries.sentence.norm.\1"),
    (r"text_encoder\.text_backbone\.pooler\.dense\.(.+)", r"queries.pooler.\1"),
    (r"fusion_module\.multihead_attn\.(.+)", r"fusion.words.attention.\1"),
    *(
        (rf"{theirs}\.(\d)\.{part}\.(.+)", rf"fusion.{ours}.\1.{name}.\2")
        for theirs, ours in (("input_fft", "before"), ("input_fft_post", "after"))
        for part, name in (
            ("laplace", "spectrum.gate.edges"),
            (r"fc\.0", "spectrum.gate.hidden"),
            (r"fc\.2", "spectrum.gate.output"),
            ("conv1", "mix.0"),
            ("conv2", "mix.2"),
        )
    ),
)
_BODY = r"backbone\.0\.body\."
# torchvision counts stages and mergings in one sequence.
SWIN: tuple[tuple[str, str], ...] = (
    (_BODY + r"(patch_embed\..+)", r"\1"),
    *((_BODY + rf"layers\.{i}\.blocks\.(\d+)\.mlp\.fc1\.(.+)", rf"features.{2 * i}.\1.mlp.0.\2") for i in range(4)),
    *((_BODY + rf"layers\.{i}\.blocks\.(\d+)\.mlp\.fc2\.(.+)", rf"features.{2 * i}.\1.mlp.3.\2") for i in range(4)),
    *((_BODY + rf"layers\.{i}\.blocks\.(\d+)\.(norm.+|attn.+)", rf"features.{2 * i}.\1.\2") for i in range(4)),
    *((_BODY + rf"downsamples\.{i}\.(.+)", rf"features.{2 * i + 1}.\1") for i in range(3)),
)
_ROBERTA: tuple[tuple[str, str], ...] = ((r"text_encoder\.text_backbone\.((?:embeddings|encoder)\..+)", r"\1"),)
# Left by a FLOP counter; buffers that our networks make themselves.
_IGNORED = ("total_ops", "total_params", "relative_position_index", "position_ids")


def sgmg_state(released: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State of SgMg's head, the drawn pooler of its sentence included. Raises ValueError where a box head and its alias differ."""
    return head_state(released, HEAD)


def swin_state(released: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State of `VideoSwinFeatures`, under torchvision's names."""
    state = _named(released, SWIN)
    if PATCH_WEIGHT in state:
        state[PATCH_WEIGHT] = of_one_frame(state[PATCH_WEIGHT])
    return state


def roberta_state(released: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State of RoBERTa under transformers' names, without its pooler, which is the head's."""
    return _named(released, _ROBERTA)


def _named(released: Mapping[str, Tensor], names: tuple[tuple[str, str], ...]) -> dict[str, Tensor]:
    named = {renamed(key, names): tensor for key, tensor in released.items() if not key.endswith(_IGNORED)}
    return {name: tensor for name, tensor in named.items() if name is not None}
