"""Explain a network of your own: first a whole video, then a batch of tensors.

The network responds to a bright square. So we know where its evidence is, and you can check the output.
"""

import numpy as np
import torch
from torch import nn

import videxplain as vx


class BrightOrDark(nn.Module):
    """Takes videos (N, T, C, H, W). Class 0 means that something is bright, class 1 that something is dark."""

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
        return self.classifier(torch.relu(self.features(x.transpose(1, 2))).mean((2, 3, 4)))


# The network expects 16 frames of 48x64 pixels, colours from -1 to 1, and time before channels.
model = vx.wrap(
    BrightOrDark(),
    num_frames=16,
    size=(48, 64),
    layout="NTCHW",
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    labels=("bright", "dark"),
    layer="features",  # the name of one of your modules
)

# A whole video, of any length and size. It can be a path, or frames in memory as here.
frames = np.full((60, 96, 128, 3), 127, np.uint8)  # (T, H, W, C)
frames[40:45, 20:40, 80:104] = 255  # bright at the top right, frames 40 to 44
explanation = vx.explain(model, vx.Clip(frames, fps=25.0), target="bright")
t, y, x = (int(i) for i in np.unravel_index(explanation.heatmap.argmax(), explanation.heatmap.shape))
print(f"in the video 'bright' is strongest in frame {t}, row {y}, column {x}")

# A batch, with several targets.
clip = torch.zeros(1, 3, 16, 48, 64)  # (N, C, T, H, W), normalised
clip[:, :, 4:9, 10:20, 40:52] = 1  # bright at the top right, frames 4 to 8
clip[:, :, 9:14, 30:40, 8:20] = -1  # dark at the bottom left, frames 9 to 13

bright, dark = vx.attribute(model, clip, method="gradcam", targets=["bright", "dark"])
for name, heat in (("bright", bright), ("dark", dark)):
    t, y, x = (int(i) for i in torch.unravel_index(heat[0].argmax(), heat[0].shape))
    print(f"evidence for '{name}' is strongest in frame {t}, row {y}, column {x}")

contrast = vx.attribute(model, clip, method="gradcam", target=vx.Contrast("bright", "dark"))
print(f"the contrast lies on the bright square alone: {bool((contrast > 0).sum() == (bright > 0).sum())}")

gradient = vx.attribute(model, clip, method="guided-backprop", target="bright")  # (N, C, T, H, W)
seen = gradient[0].abs().sum((0, 2, 3)).nonzero().flatten().tolist()
print(f"pixels that raise the score for 'bright' lie in frames {seen[0]} to {seen[-1]}")
