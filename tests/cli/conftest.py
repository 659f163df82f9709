import numpy as np
import pytest

from videxplain.models import zoo
from videxplain.viz.video import save_video

FRAMES, SIZE, FPS = 20, (48, 64), 12.5


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """Twenty frames in which a bright square moves over a gradient."""
    path = tmp_path_factory.mktemp("clips") / "a clip.mp4"
    background = np.linspace(20, 120, SIZE[1]).astype(np.uint8)[None, :, None].repeat(SIZE[0], 0).repeat(3, 2)
    frames = []
    for i in range(FRAMES):
        frame = background.copy()
        frame[10:22, 2 * i : 2 * i + 12] = (250, 240, 90)
        frames.append(frame)
    save_video(path, frames, FPS)
    return path


@pytest.fixture
def narrow(monkeypatch):
    """Random networks of the same architectures in place of what the default is, small enough to run at once."""
    load = zoo.load_model

    def small(name, weights="auto", **options):
        weights = "none" if weights == "auto" else weights
        options |= {"size": (32, 32), "width": 4, "num_classes": 6}
        if name in ("lrcn", "late_fusion"):
            options["depth"] = 18
        return load(name, weights, **(options if weights == "none" else {}))

    monkeypatch.setattr(zoo, "load_model", small)
