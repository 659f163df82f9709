"""Explain a plain Python function: here one that looks for a bright, moving thing without any network.

The function could as well call a service, or a session of onnxruntime. From the command line:

    videxplain lime --model python:examples/own_function.py:model --clip video.avi
"""

import numpy as np

import videxplain as vx


def moving_or_still(frames: np.ndarray) -> np.ndarray:
    """Scores of the classes "moving" and "still" for frames (T, H, W, 3), uint8 RGB."""
    grey = frames.astype(np.float32).mean(-1) / 255
    change = np.abs(np.diff(grey, axis=0))
    return np.array([100 * (change * grey[1:]).mean(), 1.0])


model = vx.wrap_function(moving_or_still, num_frames=8, size=(48, 64), labels=("moving", "still"), output="logits")

if __name__ == "__main__":
    # A bright square moves at the top right in frames 16 to 23, and stands still in all others.
    frames = np.full((32, 48, 64, 3), 60, np.uint8)
    for t in range(32):
        left = 40 + 2 * max(0, min(t - 16, 7))
        frames[t, 6:14, left : left + 8] = 250

    explanation = vx.explain(
        model, vx.Clip(frames, fps=25.0), method="kernel-shap", target="moving", supervoxels="boxes"
    )
    t, y, x = (int(i) for i in np.unravel_index(explanation.heatmap.argmax(), explanation.heatmap.shape))
    print(f"'moving' is strongest in frame {t}, row {y}, column {x}")
    print(explanation.intervals)
