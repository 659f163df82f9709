"""Results that are saved and loaded again, and the schema that docs/explanation-json.md states."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import videxplain as vx
from tests.attribution.networks import BrightSquares, FrameWise, seeded
from tests.explanation.clips import planted
from videxplain.errors import VidexplainError
from videxplain.viz.video import save_video

PAGE = Path(vx.__file__).parent.parent / "docs" / "explanation-json.md"
SETTINGS = {"num_frames": 4, "size": 16, "layer": "relu", "labels": ("a", "b", "c", "d")}


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "squares.mp4"
    save_video(path, planted(24, 4, 11).frames, 12.5)
    return path


@pytest.fixture(scope="module")
def explained(video):
    return vx.explain(
        BrightSquares(8, 32, "consecutive"), vx.read_clip(video, 2, 22), target=vx.Contrast(1, 0), stride=3
    )


@pytest.fixture(scope="module")
def parts(video):
    return vx.motion_and_appearance(vx.wrap(seeded(FrameWise), **SETTINGS), video)


@pytest.fixture(scope="module")
def looked():
    return vx.attention(vx.load_model("non_local"), planted(20, 4, 11), at=(30, 20), top=3)


def test_npz_gives_back_everything(explained, tmp_path):
    again = vx.Explanation.load(explained.save(tmp_path / "a.npz"))
    assert again.summary() == explained.summary()
    assert again.origin.contrast == (1, 0)
    assert again.origin.stride == 3
    assert again.source.start == 2
    np.testing.assert_array_equal(again.heatmap, explained.heatmap)
    for a, b in zip(again.overlay_frames(), explained.overlay_frames(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_json_gives_back_all_but_the_maps_and_says_so(explained, tmp_path):
    again = vx.Explanation.load(explained.save(tmp_path / "a.json"))
    assert again.summary() == explained.summary()
    assert repr(again) == repr(explained)
    assert again.has_evidence
    for use in (lambda: again.heatmap, lambda: again.maps[0], lambda: again.save(tmp_path / "b.mp4")):
        with pytest.raises(VidexplainError, match=r"loaded from JSON, which holds no maps: save and load it as \.npz"):
            use()
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_clip_that_has_moved_is_said_and_can_be_given(explained, video, tmp_path):
    saved = explained.save(tmp_path / "a.npz")
    moved = video.rename(tmp_path / "elsewhere.mp4")
    try:
        with pytest.raises(
            VidexplainError, match=r"the clip .*squares\.mp4 is no longer there: give load\(path, clip="
        ):
            vx.Explanation.load(saved).figure()
        with pytest.raises(
            VidexplainError, match=r"elsewhere\.mp4 has 24 frames of 64x64, and the result was made from 20"
        ):
            vx.Explanation.load(saved, clip=moved)
        again = vx.Explanation.load(saved, clip=vx.read_clip(moved, 2, 22))
        assert next(again.overlay_frames()).shape[1:] == (64, 3)
    finally:
        moved.rename(video)


def test_a_clip_that_has_changed_is_not_drawn_under_the_old_map(tmp_path):
    path = tmp_path / "clip.mp4"
    save_video(path, planted(24, 4, 11).frames, 12.5)
    explained = vx.explain(BrightSquares(8, 32, "consecutive"), path)
    saved = explained.save(tmp_path / "a.npz")
    vx.Explanation.load(saved).figure()
    save_video(path, planted(24, 4, 11).frames[:, ::-1], 12.5)  # as long and as large
    with pytest.raises(VidexplainError, match=r"clip\.mp4 has changed since the result was made: explain it again, or"):
        vx.Explanation.load(saved).figure()
    vx.Explanation.load(saved, clip=path).figure()
    assert vx.explain(BrightSquares(8, 32, "consecutive"), path).origin.question != explained.origin.question


def test_frames_that_were_in_memory_are_said(tmp_path):
    clip = planted(16, 2, 9)
    saved = vx.explain(BrightSquares(8, 32, "consecutive"), clip).save(tmp_path / "a.npz")
    with pytest.raises(VidexplainError, match="the frames were in memory and are not saved: give load"):
        vx.Explanation.load(saved).figure()
    assert vx.Explanation.load(saved, clip=clip).save(tmp_path / "a.png").stat().st_size > 10_000


def test_every_second_frame_is_not_taken_for_a_stretch(video, tmp_path):
    whole = vx.read_clip(video)
    thinned = vx.Clip(whole.frames[::2], whole.fps / 2, whole.indices[::2], video)
    saved = vx.explain(BrightSquares(8, 32, "consecutive"), thinned).save(tmp_path / "a.npz")
    with pytest.raises(VidexplainError, match="the frames were in memory"):
        vx.Explanation.load(saved).figure()


def test_motion_and_appearance_come_back(parts, tmp_path):
    again = vx.MotionAndAppearance.load(parts.save(tmp_path / "a.npz"))
    assert again.summary() == parts.summary()
    assert again.limit == parts.limit
    np.testing.assert_array_equal(again.appearance.heatmap, parts.appearance.heatmap)
    assert vx.MotionAndAppearance.load(parts.save(tmp_path / "a.json")).share == parts.share


def test_attention_comes_back_from_json_with_all_weights(looked, tmp_path):
    again = vx.Attention.load(looked.save(tmp_path / "a.json"), clip=planted(20, 4, 11))
    assert again.summary() == looked.summary()
    assert again.links == looked.links
    np.testing.assert_array_equal(again.frames, looked.frames)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.png", b"", r"the name must end in \.json, \.npz"),
        ("nowhere.json", None, "No such file or directory"),
        ("a.json", b"", "it is not a saved Explanation"),
        ("a.json", b"[1, 2]", "it is not a saved Explanation"),
        ("a.json", b"\xff\xfe", "it is not a saved Explanation"),
        ("a.json", b"[" * 100_000, "it is not a saved Explanation"),
        ("a.json", b'{"kind": "attention"}', "it holds attention, not explanation"),
        ("a.json", b'{"kind": "explanation", "schema": 99}', "its schema is 99; known is 1"),
        ("a.json", b'{"kind": "explanation", "schema": 1, "clip": 3}', "it is not a saved Explanation"),
        ("a.npz", b"not a zip file", "it is not a saved Explanation"),
        ("a.npz", b"PK\x03\x04broken", "it is not a saved Explanation"),
    ],
)
def test_what_cannot_be_loaded_is_one_line(name, content, message, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(VidexplainError, match=message) as error:
        vx.Explanation.load(tmp_path / name)
    assert "\n" not in str(error.value)


def test_another_kind_of_npz_is_not_taken(parts, explained, tmp_path):
    with pytest.raises(VidexplainError, match="it holds motion_and_appearance, not explanation"):
        vx.Explanation.load(parts.save(tmp_path / "a.npz"))
    np.savez(tmp_path / "b.npz", maps=np.zeros((3, 2, 2)), summary=json.dumps(explained.summary()))
    with pytest.raises(VidexplainError, match="it is not a saved Explanation"):
        vx.Explanation.load(tmp_path / "b.npz")  # three maps for twenty frames


def documented(*titles: str) -> set[str]:
    """The keys in the tables under these titles of the page."""
    text = PAGE.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    return {key for title in titles for key in re.findall(r"^\| `(\w+)` \|", sections[title], re.MULTILINE)}


def test_the_page_lists_the_keys_of_a_real_file(explained, looked, parts, tmp_path):
    every, made = "Keys of every file", "Keys that say how it was made"
    files = {
        explained: documented(every, made, "Keys of an explanation"),
        looked: documented(every, made, "Keys of attention"),
        parts: documented(every, "Keys of motion and appearance"),
    }
    for result, keys in files.items():
        assert set(json.loads(result.save(tmp_path / "a.json").read_text(encoding="utf-8"))) == keys
    assert set(parts.summary()["motion"]) == documented(every, made, "Keys of an explanation")


def test_json_never_holds_nan(tmp_path):
    maps = planted(16, 2, 9)
    model = BrightSquares(8, 32, "consecutive")
    explained = vx.explain(model, maps, target=lambda logits: logits[:, 1] * float("nan"))
    assert explained.notes == ("the map holds NaN or infinite values in 16 of 16 frames; they are drawn as zero",)

    def refused(token):
        raise AssertionError(token)

    saved = explained.save(tmp_path / "a.json")
    numbers = json.loads(saved.read_text(encoding="utf-8"), parse_constant=refused)
    assert numbers["temporal"] == [None] * 16
    again = vx.Explanation.load(saved)
    assert np.isnan(again.temporal).all()
    assert again.summary() == explained.summary()
    picture = np.stack(list(explained.overlay_frames(timeline=False)))
    assert (picture.max(3) == picture.min(3)).all()  # no colour anywhere


def test_a_network_whose_output_is_nan_is_refused():
    model = BrightSquares(8, 32, "consecutive")
    model.fc.bias.data.fill_(float("nan"))
    for call in (vx.explain, vx.predict):
        with pytest.raises(VidexplainError, match="bright_squares returned NaN or infinite values for this clip"):
            call(model, planted(16, 2, 9))


def test_what_a_regression_says_is_a_value(tmp_path):
    model = vx.wrap(seeded(FrameWise), output="regression", **SETTINGS)
    explained = vx.explain(model, planted(8, 2, 5), target="b")
    content = json.loads(explained.save(tmp_path / "a.json").read_text())
    assert [set(one) for one in content["predictions"]] == [{"label", "value"}] * 4
    assert {one["label"]: one["value"] for one in content["predictions"]} == pytest.approx(dict(explained.predictions))
    assert vx.Explanation.load(tmp_path / "a.json").predictions == explained.predictions
