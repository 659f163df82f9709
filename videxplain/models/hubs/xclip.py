"""X-CLIP of Hugging Face's transformers: a network that compares videos with texts (Ni et al., ECCV 2022)."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from videxplain.errors import VidexplainError
from videxplain.models.architecture import Architecture
from videxplain.models.build import seeded
from videxplain.models.config import ModelConfig, TokenLayout
from videxplain.models.hubs.huggingface_files import carefully, read_network, read_processor, weights_file
from videxplain.models.hubs.processors import channel_statistics, square, view_of
from videxplain.models.wrapping import Wrapped

Encode = Callable[[Sequence[str]], Mapping[str, Tensor]]
"""Texts to the tokens that the text model takes, ``(K, L)`` each."""


class VideoAndTexts(Wrapped):
    """X-CLIP for some texts: video ``(N, 3, T, H, W)`` to ``(N, K)``, how well each of K texts fits.

    The texts are encoded once, so that a pass runs the video's part alone. Its layers have the names that they have in
    transformers.

    Attributes:
        module: The ``XCLIPModel``.
        config: What it expects. Its labels are the texts.
        texts: The encoded texts ``(K, D)``, before the video changes them.
    """

    texts: Tensor

    def __init__(self, module: Any, config: ModelConfig, encode: Encode) -> None:
        """Encode the labels of ``config``."""
        super().__init__(module, config, lambda x: x)
        self._encode = encode
        with torch.no_grad():
            tokens = {name: values.to(module.device) for name, values in encode(config.labels).items()}
            self.register_buffer("texts", module.text_projection(module.text_model(**tokens)[1]).clone())

    def forward(self, x: Tensor) -> Tensor:
        """``(N, K)``: the cosine of video and text, times the scale that was learned."""
        model: Any = self.module
        seen = model.vision_model(pixel_values=x.transpose(1, 2).flatten(0, 1).contiguous())
        video = model.mit(model.visual_projection(seen[1]).unflatten(0, (len(x), -1)))[1]
        # The mean over frames of each place changes the texts.
        places = model.prompts_visual_layernorm(seen[0][:, 1:]) @ model.prompts_visual_projection
        places = places.unflatten(0, (len(x), -1)).mean(1)
        texts = self.texts.expand(len(x), -1, -1)
        texts = texts + model.prompts_generator(texts, places)
        fit = F.normalize(texts, dim=-1) @ F.normalize(video, dim=-1)[:, :, None]
        return fit[:, :, 0] * model.logit_scale.exp()

    def for_texts(self, texts: Sequence[str]) -> "VideoAndTexts":
        """The same network, with its weights shared, for its own texts and these; itself if it has them all.

        Texts that differ only in capital letters are the same to X-CLIP.
        """
        known = {text.casefold() for text in self.config.labels}
        both = (*self.config.labels, *(text for text in dict.fromkeys(texts) if text.casefold() not in known))
        if both == self.config.labels:
            return self
        return VideoAndTexts(self.module, _of_texts(self.config, both), self._encode).eval()


def load_xclip(name: str, settings: Any, weights: str, options: Mapping[str, Any]) -> VideoAndTexts:
    """X-CLIP for the texts in ``options["labels"]``, or in ``options["texts"]`` where there are no labels.

    Args:
        name: Of a checkpoint, or a folder that ``save_pretrained`` has written, with its tokenizer.
        settings: Its configuration.
        weights: ``"auto"`` for those of the checkpoint, ``"none"`` for random ones.
        options: ``labels``, ``texts``, ``frame_interval``, ``mean``, ``std``.

    Raises:
        VidexplainError: There are no texts, the checkpoint or its tokenizer cannot be had, or a text is too long.
    """
    import transformers

    options = dict(options)
    targets = tuple(options.pop("texts", ()))
    texts = tuple(options.get("labels") or targets)
    if not texts:
        raise VidexplainError(
            f"hf:{name} compares videos with texts, and has none: give labels=[...] in Python, on the command line "
            "--target 'text: a person falls' or --labels FILE"
        )
    options["labels"] = texts
    kind: Any = transformers.XCLIPModel
    if weights == "none":
        module = carefully(name, lambda: seeded(lambda: kind(settings)))
    else:
        module = read_network(kind, name, settings)
    encode = _tokenizer(name, settings.text_config.max_position_embeddings)
    config = carefully(name, lambda: _config(name, settings, texts))
    if weights != "none":
        words = f"those of the folder {Path(name).name}" if Path(name).is_dir() else f"{name} of Hugging Face"
        file, sha256 = weights_file(name)
        config = config.replace(weights=words, weights_file=file, weights_sha256=sha256)
    shared = ("labels", "frame_interval", "sampling", "mean", "std")
    entry = Architecture(f"{name} of Hugging Face", config, lambda config: module, shared=shared)
    return VideoAndTexts(module, entry.configure(options), encode).eval()


def _tokenizer(name: str, longest: int) -> Encode:
    """What turns texts into tokens; it refuses a text of more tokens than the text model reads."""
    import transformers

    tokenizer = carefully(name, lambda: transformers.AutoTokenizer.from_pretrained(name, trust_remote_code=False))

    def encode(texts: Sequence[str]) -> Mapping[str, Tensor]:
        lengths = [len(ids) for ids in tokenizer(list(texts))["input_ids"]]
        if max(lengths) > longest:
            text = texts[lengths.index(max(lengths))]
            raise VidexplainError(
                f"'{text[:40]}...' has {max(lengths)} tokens, and hf:{name} reads {longest}: shorten it"
            )
        return {**tokenizer(list(texts), padding=True, return_tensors="pt")}

    return encode


def _config(name: str, settings: Any, texts: tuple[str, ...]) -> ModelConfig:
    vision = settings.vision_config
    size, patch = square(vision.image_size), square(vision.patch_size)
    processor = read_processor(name)
    mean, std = channel_statistics(processor)
    last = vision.num_hidden_layers - 2
    config = ModelConfig(
        architecture=f"hf:{Path(name).name if Path(name).is_dir() else name}",
        num_classes=len(texts),
        num_frames=vision.num_frames,
        size=(size, size),
        # X-CLIP was trained on frames spread evenly over the video.
        sampling="uniform",
        # Behind the last attention hardly anything but the class tokens is read.
        default_layer=f"vision_model.encoder.layers.{last}" if last >= 0 else "vision_model.pre_layernorm",
        first_layer="vision_model.embeddings.patch_embedding",
        labels=texts,
        mean=mean,
        std=std,
        tokens=TokenLayout((vision.num_frames, size // patch, size // patch), 1, messages=vision.mit_num_hidden_layers),
        view=view_of(processor, size),
    )
    return _of_texts(config, texts)


def _of_texts(config: ModelConfig, texts: tuple[str, ...]) -> ModelConfig:
    """The configuration for these texts. Of a single one there is no probability, only how well it fits."""
    return config.replace(num_classes=len(texts), labels=texts, output="regression" if len(texts) == 1 else "logits")
