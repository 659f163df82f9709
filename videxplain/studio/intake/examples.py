"""The example clips of a new studio: two rendered figures, made when the studio starts for the first time."""

import hashlib
import shutil
import tempfile
from pathlib import Path

from videxplain.actionfigures import render_clip
from videxplain.studio.intake.read_clip import SOURCE
from videxplain.studio.intake.read_in_child import read_in_child
from videxplain.studio.settings import Studio
from videxplain.studio.storage.store import Store
from videxplain.viz.video import save_video

EXAMPLES = (("Kick", 1, "kicking figure.mp4"), ("Wave", 32, "waving figure.mp4"))
"""Action, seed and name of each example. The bundled i3d recognises both."""
_FRAMES, _FPS = 100, 25.0
_SIZE = (240, 320)


def add_examples(studio: Studio, store: Store, frames: int = _FRAMES, size: tuple[int, int] = _SIZE) -> None:
    """Render the examples that are missing.

    Args:
        studio: The studio.
        store: Its tables.
        frames: Length of each.
        size: Height and width in pixels.
    """
    there = {clip["name"] for clip in store.clips.of("")}
    for label, seed, name in EXAMPLES:
        if name in there:
            continue
        with tempfile.TemporaryDirectory(dir=studio.incoming) as made:
            path = Path(made) / "example.mp4"
            save_video(path, iter(render_clip(label, seed=seed, num_frames=frames, size=size).frames), _FPS)
            sha = hashlib.sha256(path.read_bytes()).hexdigest()
            folder = studio.clips / sha
            folder.mkdir(mode=0o700, exist_ok=True)
            shutil.move(path, folder / SOURCE)
        answer = read_in_child(studio, folder)
        if "facts" in answer:
            store.clips.add_example(sha, name, answer["facts"])
