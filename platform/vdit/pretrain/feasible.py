"""What a recipe asks for that cannot be, found before anything is drawn or trained."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import chain, product
from pathlib import Path

from vdit.benchmarks import miniature
from vdit.benchmarks.world import captions, scene, sentences
from vdit.benchmarks.world.captions import VALUES
from vdit.benchmarks.world.paths import MOTIONS
from vdit.benchmarks.world.sentences import Description
from vdit.config import architecture as sizes
from vdit.config.data import World
from vdit.config.model import Model
from vdit.config.recipe import Recipe
from vdit.model.tokenizers import clip_style, roberta_style
from vdit.study.explain import complaint

LATENT_CHANNELS = 4  # of the noisy input of diffusers' U-Nets, which presets do not set
CELL = 8  # pixels of a latent cell: the autoencoder has four blocks, three of which halve
AT = "preset.model.architecture"
NOT_TOKENS = 2  # of RoBERTa's positions: they are counted from behind that of the padding, which is 1
TRIED = 100  # scenes, among which there is one with all objects


def check(recipe: Recipe, model: Model, path: Path) -> None:
    """Raises ValueError naming the key of `path`, or of its preset, and what would work."""
    if "stable-diffusion" in model.backbone.name or not isinstance(model.architecture.unet.attention_head_dim, int):
        raise complaint(
            path,
            ("preset",),
            f"{recipe.preset!r} has the U-Net of Stable Diffusion, which sees single frames; name one with a U-Net for video: miniature",
        )
    try:
        miniature.check(recipe.world, "world")
    except ValueError as error:
        raise complaint(path, (), str(error)) from error
    # In this order: the later ones compute with what the earlier ones let pass.
    for key, problem in chain(clips(recipe), world(recipe), counted(model.architecture), networks(model.architecture)):
        raise complaint(path, key.split("."), problem)
    try:
        room(recipe)
    except ValueError as error:
        raise complaint(path, ("world",), str(error)) from error
    for key, problem in words(recipe, model.architecture):
        raise complaint(path, key.split("."), problem)


def room(recipe: Recipe) -> None:
    """Raises ValueError where not all objects of the fullest scenes find a place."""
    for number in range(TRIED):
        drawn = scene.draw(recipe.world, scene.generator(recipe.world, "pretrain", number), "pretrain")
        if len(drawn.things) == recipe.world.objects:
            return


def clips(recipe: Recipe) -> Iterator[tuple[str, str]]:
    if recipe.held_out >= recipe.clips:
        yield "held_out", f"{recipe.held_out} of {recipe.clips} clips leaves none to train on; lower held_out or raise clips"
    for stage in ("towers", "denoiser", "swin"):
        batch = getattr(recipe, stage).batch
        if batch > recipe.trained_on:
            yield f"{stage}.batch", f"{batch} different clips a step, but only {recipe.trained_on} are trained on; lower it or raise clips"
    pictures = recipe.denoiser.batch * recipe.world.frames
    if recipe.denoiser.pictures and pictures > recipe.trained_on:
        problem = f"single frames of {pictures} different clips a step, but only {recipe.trained_on} are trained on"
        yield "denoiser.pictures", f"{problem}; set it to 0, lower denoiser.batch or raise clips"


def world(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """What the networks and the captions ask for beyond what can be drawn."""
    drawn = recipe.world
    if drawn.frames < 2:
        yield "world.frames", f"is {drawn.frames}; motion is seen in 2 frames or more"
    for side in ("height", "width"):
        pixels = getattr(drawn, side)
        if pixels % CELL:
            yield f"world.{side}", f"is {pixels}; the autoencoder needs a multiple of {CELL}"
    for kind, values in VALUES.items():
        if drawn.objects >= len(values):
            most = f"with at most {len(values) - 1} objects one is always left that none of them has"
            yield "world.objects", f"is {drawn.objects}, the world has {len(values)} {kind}s; {most}"


def counted(architecture: sizes.Architecture) -> Iterator[tuple[str, str]]:
    """Of every size of the preset's networks that is a number of things: there has to be one."""
    for network, fields in asdict(architecture).items():
        for field, value in fields.items():
            numbers = value if isinstance(value, tuple) else (value,)
            if any(isinstance(number, int) and number < 1 for number in numbers):
                yield f"{AT}.{network}.{field}", f"is {value}; expected at least 1"


def networks(architecture: sizes.Architecture) -> Iterator[tuple[str, str]]:
    """By the fields of the preset."""
    unet, vae, text, image, words = architecture.unet, architecture.vae, architecture.text, architecture.image, architecture.roberta
    assert isinstance(unet.attention_head_dim, int)
    yield from divisible(f"{AT}.unet.block_out_channels", unet.block_out_channels, "norm_num_groups", unet.norm_num_groups)
    yield from divisible(f"{AT}.unet.block_out_channels", unet.block_out_channels, "attention_head_dim", unet.attention_head_dim)
    yield from divisible(f"{AT}.vae.block_out_channels", vae.block_out_channels, "norm_num_groups", vae.norm_num_groups)
    yield from divisible(f"{AT}.text.hidden_size", (text.hidden_size,), "num_attention_heads", text.num_attention_heads)
    yield from divisible(f"{AT}.roberta.hidden_size", (words.hidden_size,), "num_attention_heads", words.num_attention_heads)
    yield from divisible(f"{AT}.image.width", (image.width,), "head_width", image.head_width)
    yield from divisible(f"{AT}.image.image_size", (image.image_size,), "patch_size", image.patch_size)
    for stage, heads in enumerate(architecture.swin.num_heads):
        yield from divisible(f"{AT}.swin.embed_dim", (architecture.swin.embed_dim * 2**stage,), f"num_heads[{stage}]", heads)
    if text.hidden_size != unet.cross_attention_dim:
        yield (
            f"{AT}.unet.cross_attention_dim",
            f"is {unet.cross_attention_dim}, the text tower's hidden_size {text.hidden_size}; set them equal",
        )
    if vae.latent_channels != LATENT_CHANNELS:
        yield f"{AT}.vae.latent_channels", f"is {vae.latent_channels}; the U-Net reads and predicts {LATENT_CHANNELS}"


def words(recipe: Recipe, architecture: sizes.Architecture) -> Iterator[tuple[str, str]]:
    """Whether any text tokenises, and the longest sentence and a caption of all things are read to their ends."""
    text, roberta = architecture.text, architecture.roberta
    try:
        tokens = max(map(len, roberta_style(roberta.vocab_size)(full_sentences(recipe.world)).input_ids))
    except ValueError as error:
        yield f"{AT}.roberta.vocab_size", str(error)
        return
    if tokens > roberta.max_position_embeddings - NOT_TOKENS:
        problem = f"is {roberta.max_position_embeddings}; sentences have up to {tokens} tokens, and {NOT_TOKENS} positions are no token's"
        yield f"{AT}.roberta.max_position_embeddings", f"{problem}: raise it to {tokens + NOT_TOKENS}"
    try:
        known = clip_style(text.vocab_size, text.max_position_embeddings, text.pad_token)
    except ValueError as error:
        yield f"{AT}.text.vocab_size", str(error)
        return
    phrases = [captions.described(*look) for look in product(scene.SHAPES, scene.COLOURS, MOTIONS)]
    longest, things = max(phrases, key=lambda phrase: len(known.tokenize(phrase))), recipe.world.objects
    tokens, positions = len(known(captions.joined([longest] * things)).input_ids), text.max_position_embeddings
    if tokens > positions:
        problem = f"is {things}; a caption of so many takes up to {tokens} tokens, and the text tower has {positions} positions"
        yield "world.objects", f"{problem}: lower it, or raise {AT}.text.max_position_embeddings"


def full_sentences(drawn: World) -> list[str]:
    """Every referring sentence of as many words as there can be, whatever it is said of."""
    like = scene.draw(drawn, scene.generator(drawn, "pretrain", 0), "pretrain").things[0]
    looks = product(scene.SHAPES, scene.COLOURS, MOTIONS)
    things = [replace(like, shape=shape, colour=colour, motion=motion) for shape, colour, motion in looks]
    every = (Description(*told) for told in product((True, False), (True, False), (*sentences.PLACES, None), (True, False)))
    full = [description for description in every if description.words == sentences.MOST_WORDS]
    return [sentences.say(description, thing) for description, thing in product(full, things)]


def divisible(key: str, widths: Sequence[int], by: str, number: int) -> Iterator[tuple[str, str]]:
    wrong = [width for width in widths if width % number]
    if wrong:
        yield key, f"{wrong[0]} is not divisible by {by} {number}; {number * max(1, round(wrong[0] / number))} is"
