"""Names of models of other packages, which are listed without the packages."""

TORCHVISION = ("r3d_18", "mc3_18", "r2plus1d_18", "s3d", "mvit_v1_b", "mvit_v2_s", "swin3d_t", "swin3d_s", "swin3d_b")
PYTORCHVIDEO = (
    *("slow_r50", "c2d_r50", "i3d_r50", "csn_r101", "r2plus1d_r50", "x3d_xs", "x3d_s", "x3d_m", "x3d_l"),
    *("slowfast_r50", "slowfast_r101", "slowfast_16x8_r101_50_50", "mvit_base_16x4", "mvit_base_32x3"),
)
HUGGINGFACE = ("MCG-NJU/videomae-base-finetuned-kinetics", "./folder")
"""Examples: any checkpoint of a known kind can be named."""
