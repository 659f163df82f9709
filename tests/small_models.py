"""Video models of other packages, as small as their configurations let them be, with random weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torchvision.models import VisionTransformer
from torchvision.models.video.mvit import MSBlockConfig, MViT
from torchvision.models.video.resnet import (
    BasicBlock,
    BasicStem,
    Conv2Plus1D,
    Conv3DNoTemporal,
    Conv3DSimple,
    R2Plus1dStem,
    VideoResNet,
)
from torchvision.models.video.s3d import S3D
from torchvision.models.video.swin_transformer import SwinTransformer3d

import videxplain as vx
from tests.attribution.networks import seeded
from tests.device import here, placed
from videxplain.models.hubs.huggingface import load_huggingface
from videxplain.models.hubs.pytorchvideo import TwoPathways

Small: TypeAlias = dict[str, tuple[Callable[[Path], nn.Module], tuple[int, int, int]]]
COMMON = {"num_hidden_layers": 2, "num_attention_heads": 2, "num_labels": 5, "initializer_range": 0.2}
HUGGINGFACE = {
    "videomae": {"hidden_size": 16, "intermediate_size": 32, "image_size": 24, "patch_size": 8, "num_frames": 4},
    "timesformer": {"hidden_size": 16, "intermediate_size": 32, "image_size": 24, "patch_size": 8, "num_frames": 4},
    "vivit": {
        "hidden_size": 16,
        "intermediate_size": 32,
        "image_size": 24,
        "tubelet_size": [2, 8, 8],
        "num_frames": 4,
    },
    "vjepa2": {
        "hidden_size": 24,
        "mlp_ratio": 2,
        "crop_size": 24,
        "patch_size": 8,
        "frames_per_clip": 4,
        "num_pooler_layers": 1,
        "pred_hidden_size": 12,
        "pred_num_hidden_layers": 1,
        "pred_num_attention_heads": 1,
    },
}
"""The smallest configurations of Hugging Face's video classifiers: 3x3 places, 4 frames, tubelets of 2 or 1."""


def huggingface_folder(name: str, folder: Path, **changes: object) -> Path:
    """The configuration of a small network, written as ``save_pretrained`` does."""
    import transformers

    config = transformers.AutoConfig.for_model(name, **{**COMMON, **HUGGINGFACE[name], **changes})
    config.save_pretrained(folder)
    return folder


def huggingface(name: str, folder: Path, **changes: object) -> nn.Module:
    """A small network of Hugging Face with random weights, read from a folder."""
    return placed(load_huggingface(str(huggingface_folder(name, folder, **changes)), weights="none"))


XCLIP_WORDS = ("a", "the", "person", "figure", "ball", "falls", "sits", "down", "waves", "kicks")
"""What the small X-CLIP's tokenizer knows."""


def xclip_folder(folder: Path, seed: int = 1, **vision: object) -> Path:
    """A small X-CLIP with random weights and a tokenizer of a few words, written as ``save_pretrained`` does."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = ["[PAD]", "[UNK]", "[BOS]", *XCLIP_WORDS, "[EOS]"]  # the text is read at its token with the largest number
    ids = {word: i for i, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[BOS] $A [EOS]", special_tokens=[("[BOS]", ids["[BOS]"]), ("[EOS]", ids["[EOS]"])]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", bos_token="[BOS]", eos_token="[EOS]"
    ).save_pretrained(folder)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    mit = {f"mit_{name}": value for name, value in sizes.items()} | {"mit_num_hidden_layers": 1}
    picture = {"image_size": 24, "patch_size": 8, "num_frames": 4, "initializer_range": 0.2}
    config = transformers.XCLIPConfig(
        text_config={**sizes, "vocab_size": len(words), "max_position_embeddings": 12},
        vision_config={**sizes, **mit, **picture, **vision},
        projection_dim=16,
        prompt_num_attention_heads=2,
        prompt_alpha=0.5,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = transformers.XCLIPModel(config).eval()
        for values in network.parameters():
            if values.ndim > 1:  # as it is built, all texts and all videos are nearly alike
                values.data.normal_(0, 1.5 / values.shape[-1] ** 0.5)
    network.save_pretrained(folder)
    return folder


def xclip(folder: Path, labels: tuple[str, ...] = ("a person falls", "a person sits down", "the ball")) -> nn.Module:
    """A small X-CLIP for some texts, read from a folder."""
    return placed(load_huggingface(str(xclip_folder(folder)), options={"labels": labels}))


def mvit(version: int = 2) -> nn.Module:
    """Three blocks with pooling of queries, keys and values; 4 frames of 32 pixels give a grid of 2x8x8."""
    kernel, stride = ([3, 3, 3], [1, 1, 1]) if version == 2 else ([], [])
    wide = 16 if version == 2 else 8  # where the projection comes behind the attention, it widens that
    blocks = [
        MSBlockConfig(1, 8, wide, kernel, [3, 3, 3], stride, [1, 2, 2]),
        MSBlockConfig(2, wide, 16, [3, 3, 3], [3, 3, 3], [1, 2, 2], [1, 1, 1]),
        MSBlockConfig(2, 16, 16, kernel, [3, 3, 3], stride, [1, 1, 1]),
    ]
    return seeded(
        lambda: MViT(
            (32, 32),
            4,
            blocks,
            residual_pool=version == 2,
            residual_with_cls_embed=False,
            rel_pos_embed=version == 2,
            proj_after_attn=version == 2,
            num_classes=5,
            dropout=0.0,
            stochastic_depth_prob=0.0,
        )
    )


def swin() -> nn.Module:
    """Two stages of two blocks, the second with shifted windows of 2x3x3."""
    return seeded(
        lambda: SwinTransformer3d([2, 4, 4], 12, [2, 2], [2, 2], [2, 3, 3], stochastic_depth_prob=0.0, num_classes=5)
    )


def image_transformer() -> nn.Module:
    """A transformer of images over the frames of a clip: 4 frames of 24 pixels, 3x3 places."""
    network = seeded(
        lambda: VisionTransformer(
            image_size=24, patch_size=8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32, num_classes=5
        )
    )
    nn.init.normal_(network.cpu().heads.head.weight, generator=torch.Generator().manual_seed(0))
    return vx.wrap(placed(network), num_frames=4, size=24, layout="NCHW")


class Transformer(nn.Module):
    """Tubelets of 2x8x8, one block of PyTorch's own kind, and the mean of all tokens."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.embed = nn.Conv3d(3, 16, (2, 8, 8), stride=(2, 8, 8))
        self.block = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, activation="gelu", batch_first=True)
        self.norm = nn.LayerNorm(16)
        self.head = nn.Linear(16, classes)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.embed(x).flatten(2).transpose(1, 2)
        return self.head(self.norm(self.block(tokens)).mean(1))


def _convolutional(kind: type[Any], stem: type[nn.Module]) -> nn.Module:
    """torchvision's 18-layer networks with a block a stage."""
    return seeded(lambda: VideoResNet(BasicBlock, [kind] * 4, [1, 1, 1, 1], stem, num_classes=5))


def _s3d() -> nn.Module:
    network = seeded(lambda: S3D(num_classes=5))
    for m in network.modules():
        if isinstance(m, nn.Conv3d):  # as it is built, little of the input is left in its answer
            m.weight.data.mul_((m.weight[0].numel() / 2) ** -0.5 / m.weight.std())
    network.avgpool = nn.AdaptiveAvgPool3d(1)  # its own covers 224 pixels and no fewer
    return network


def _slow() -> nn.Module:
    from pytorchvideo.models.resnet import create_resnet

    network = seeded(lambda: create_resnet(model_depth=50, stem_dim_out=4, model_num_class=5))
    network.blocks[-1].pool = nn.AdaptiveAvgPool3d(1)
    return network


def _slowfast() -> nn.Module:
    from pytorchvideo.models.slowfast import create_slowfast

    blocks = seeded(lambda: create_slowfast(model_num_class=5, stem_dim_outs=(16, 2))).blocks
    blocks[-2].pool = nn.ModuleList(nn.AdaptiveAvgPool3d(1) for _ in range(2))
    return TwoPathways(blocks, 4)


def _own(name: str, **options: Any) -> nn.Module:
    options |= {"depth": 18} if name in ("lrcn", "late_fusion") else {"num_frames": 8}
    return vx.load_model(name, "none", device=here(), width=4, size=(32, 32), num_classes=5, **options)


CONVOLUTIONAL: Small = {
    "r3d": (lambda _: _convolutional(Conv3DSimple, BasicStem), (4, 24, 24)),
    "mc3": (lambda _: _convolutional(Conv3DNoTemporal, BasicStem), (4, 24, 24)),
    "r2plus1d": (lambda _: _convolutional(Conv2Plus1D, R2Plus1dStem), (4, 24, 24)),
    "s3d": (lambda _: _s3d(), (8, 32, 32)),
    "slow": (lambda _: _slow(), (4, 64, 64)),
    "slowfast": (lambda _: _slowfast(), (8, 64, 64)),
    **{name: (lambda _, name=name: _own(name), (8, 32, 32)) for name in ("c3d", "i3d", "non_local")},
    **{name: (lambda _, name=name: _own(name), (5, 32, 32)) for name in ("late_fusion", "lrcn")},
    "lrcn, mean": (lambda _: _own("lrcn", readout="mean"), (5, 32, 32)),
}
"""Networks without tokens, likewise."""


TRANSFORMERS: Small = {
    **{name: (lambda folder, name=name: huggingface(name, folder), (4, 24, 24)) for name in HUGGINGFACE},
    "xclip": (lambda folder: xclip(folder), (4, 24, 24)),
    "mvit_v1": (lambda _: mvit(1), (4, 32, 32)),
    "mvit_v2": (lambda _: mvit(2), (4, 32, 32)),
    "swin3d": (lambda _: swin(), (4, 26, 38)),
    "image transformer": (lambda _: image_transformer(), (4, 24, 24)),
    "plain transformer": (lambda _: seeded(Transformer), (4, 24, 24)),
}
"""Token models by name: what builds them, given an empty folder, and frames, height and width of their input."""
