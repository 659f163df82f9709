"""Explain a network that is not from the zoo, in one batch: several classes, a contrast, guided backpropagation.

The network responds to a bright square, so it is known where its evidence lies, and the output can be checked.
"""

import torch
from torch import nn

import videxplain as vx


class BrightOrDark(nn.Module):
    """Class 0: something bright; class 1: something dark. Averaged over the clip, then a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv3d(3, 2, (3, 5, 5), padding=(1, 2, 2))
        self.classifier = nn.Linear(2, 2)
        with torch.no_grad():
            self.features.weight.fill_(1 / self.features.weight[0].numel())
            self.features.weight[1].neg_()
            self.features.bias.zero_()
            self.classifier.weight.copy_(torch.eye(2))
            self.classifier.bias.zero_()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(torch.relu(self.features(x)).mean((2, 3, 4)))


network = BrightOrDark().eval()
clip = torch.zeros(1, 3, 16, 48, 64)  # (N, C, T, H, W)
clip[:, :, 4:9, 10:20, 40:52] = 1  # bright at the top right, frames 4 to 8
clip[:, :, 9:14, 30:40, 8:20] = -1  # dark at the bottom left, frames 9 to 13

bright, dark = vx.attribute(network, clip, method="gradcam", targets=[0, 1], layer="features")
for name, heat in (("bright", bright), ("dark", dark)):
    t, y, x = (int(i) for i in torch.unravel_index(heat[0].argmax(), heat[0].shape))
    print(f"evidence for '{name}' is strongest in frame {t}, row {y}, column {x}")

contrast = vx.attribute(network, clip, method="gradcam", target=vx.Contrast(0, 1), layer="features")
print(f"the contrast lies on the bright square alone: {bool((contrast > 0).sum() == (bright > 0).sum())}")

gradient = vx.attribute(network, clip, method="guided-backprop", target=0)  # (N, C, T, H, W)
frames = gradient[0].abs().sum((0, 2, 3)).nonzero().flatten().tolist()
print(f"pixels that raise the score for 'bright' lie in frames {frames[0]} to {frames[-1]}")
