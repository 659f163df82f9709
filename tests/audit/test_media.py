"""The media of one clip in a report."""

import json
from dataclasses import asdict

import numpy as np

from videxplain.audit.report.media import write_media
from videxplain.audit.rows import VideoRow
from videxplain.data.clip import read_clip


def test_frames_of_a_variable_rate_have_their_seconds(tmp_path, write_video, numbered):
    times = [0, 40, 200, 240, 400, 440, 600, 640]
    frames = numbered(8, 48, 64)
    for name, stamps in (("phone", times), ("even", None)):
        video = write_video(f"{name}.mkv", frames, times_ms=stamps)
        maps = np.random.default_rng(0).random((8, 4, 4)).astype(np.float32)
        row = VideoRow(0, video.name, name, frames=8, fps=12.0, curve=maps.mean((1, 2)).tolist(), scale=1.0)
        write_media(tmp_path, name, video, {**asdict(row), "top": []}, {"prediction": ("why", maps)})
        text = (tmp_path / f"{name}.js").read_text(encoding="utf-8")
        content = json.loads(text[text.index(",") + 1 : text.rindex(")")])
        meta = content["maps"]["prediction"]["meta"]
        shown = read_clip(tmp_path / f"{name}.mp4")
        assert meta["fps"] == shown.fps
        np.testing.assert_allclose(shown.times, np.arange(8) / meta["fps"])  # the player counts frames by this rate
        assert meta["seconds"] == (None if stamps is None else [time / 1000 for time in times])
        said = ["frame rate", "varies; the player shows every frame for the same time"] in content["facts"]
        assert said == (stamps is not None)
