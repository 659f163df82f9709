"""Pictures and files of clips whose pixels are not square, or whose frame rate varies."""

import json
import zipfile

import av
import numpy as np
import pytest
from PIL import Image

import videxplain as vx
from tests.attribution.networks import BrightSquares
from tests.explanation.clips import planted

TIMES = np.array([0, 0.1, 0.2, 0.3, 0.4, 0.5, 1.5, 2.0])


@pytest.fixture(scope="module")
def stretched():
    plain = planted(8, 2, 6)
    clip = vx.Clip(plain.frames, 10.0, times=TIMES + 3, pixel_aspect=1.5)
    return vx.explain(BrightSquares(8, 32, "consecutive"), clip, target=1)


def test_the_overlay_is_drawn_in_square_pixels(stretched):
    frames = list(stretched.overlay_frames(timeline=False))
    assert {frame.shape for frame in frames} == {(64, 96, 3)}
    # The square of 16x16 stored pixels, at columns 37 to 52 of frame 3, is 24 pixels wide.
    bright = np.flatnonzero(stretched.frames_at([3])[0][12, :, 0] > 150)
    assert (bright[0], len(bright)) == (pytest.approx(37 * 1.5, abs=1), pytest.approx(24, abs=1))


def test_maps_stay_at_the_resolution_of_the_stored_frames(stretched):
    assert stretched.heatmap.shape == (8, 64, 64)
    assert (stretched.source.size, stretched.shown.size) == ((64, 64), (64, 96))


def test_the_overlay_video_keeps_the_times_of_its_frames(stretched, tmp_path):
    with av.open(str(stretched.save(tmp_path / "a.mp4"))) as container:
        times = [frame.time for frame in container.decode(video=0)]
    np.testing.assert_allclose(times, TIMES, atol=1e-4)


def test_the_gif_keeps_them_too(stretched, tmp_path):
    with Image.open(stretched.save(tmp_path / "a.gif")) as image:
        shown = [(image.seek(i), image.info["duration"])[1] for i in range(image.n_frames)]
    assert shown[:-1] == pytest.approx((1000 * np.diff(TIMES)).tolist(), abs=10)


def test_json_says_when_frames_are_shown_and_the_shape_of_pixels(stretched, tmp_path):
    content = json.loads(stretched.save(tmp_path / "a.json").read_text())
    assert content["pixel_aspect"] == 1.5
    assert content["seconds"] == pytest.approx(TIMES.tolist())
    again = vx.Explanation.load(stretched.save(tmp_path / "a.npz"))
    assert again.shown.size == (64, 96)
    assert again.summary() == stretched.summary()


@pytest.mark.parametrize("key", ["pixel_aspect", "seconds"])
def test_files_of_earlier_versions_are_read(stretched, tmp_path, key):
    path = stretched.save(tmp_path / "a.json")
    content = json.loads(path.read_text())
    del content[key]
    path.write_text(json.dumps(content))
    assert vx.Explanation.load(path).num_frames == 8


def test_every_kind_of_file_carries_the_question_and_the_weights(tmp_path):
    explained = vx.explain(vx.load_model("i3d"), planted(16, 2, 6), target=1)
    words = f"question: {explained.question}; {explained.provenance}"
    assert "i3d.safetensors, SHA-256 " in words
    explained.save(tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as image:
        image.seek(image.n_frames - 1)
        assert image.n_frames == 8
    # After its last frame, in blocks of at most 255 bytes.
    assert words[:200].encode() in (tmp_path / "a.gif").read_bytes()
    with zipfile.ZipFile(explained.save(tmp_path / "a.npz")) as archive:
        assert archive.comment.decode() == words
    with av.open(str(explained.save(tmp_path / "a.mp4"))) as container:
        assert container.metadata["comment"] == words
