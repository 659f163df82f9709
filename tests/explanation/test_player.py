"""An explanation as a page with a player, and several of them in one notebook."""

import re
from html import unescape

import numpy as np
import pytest

from tests.attribution.networks import BrightSquares
from tests.browser import page, until
from tests.explanation.clips import planted
from videxplain.cli.output.result_files import refuse_overwriting
from videxplain.data.clip import Clip
from videxplain.errors import VidexplainError
from videxplain.explanation.api import explain
from videxplain.explanation.player import NOTEBOOK_FRAMES, player_data_of, strongest_part_of
from videxplain.viz.player.bundle import SCRIPTS, player_page, shrunk


@pytest.fixture(scope="module")
def found():
    return explain(BrightSquares(8, 32, "consecutive"), planted(20, 4, 11), target=1)


@pytest.mark.browser
def test_a_saved_page_has_the_maps_and_needs_nothing_else(found, browser, tmp_path):
    path = found.save(tmp_path / "explanation.html", colormap="viridis", opacity=0.9)
    assert [one.name for one in tmp_path.iterdir()] == ["explanation.html"]
    with page(browser) as shown:
        shown.goto(path.as_uri())
        until(shown, "window.player && player.video.readyState >= 2")
        values = np.array(shown.evaluate("Array.from(player.maps.values)"))
        maps = np.stack(list(found.maps))
        assert np.abs(values.reshape(maps.shape) - maps).max() <= maps.max() / 255
        assert shown.evaluate("player.look.opacity") == 0.9
        assert shown.evaluate("player.look.colours") == "viridis"
        assert shown.locator("h1").inner_text() == "clip: Grad-CAM of bright_squares for class 1"


def test_a_page_carries_its_question(found, tmp_path):
    path = found.save(tmp_path / "explanation.html")
    refuse_overwriting([path], found.question, overwrite=False)
    with pytest.raises(VidexplainError, match="made with other arguments"):
        refuse_overwriting([path], "0" * 64, overwrite=False)


@pytest.mark.browser
def test_several_players_in_one_notebook_do_not_meet(found, browser, tmp_path):
    other = explain(BrightSquares(8, 32, "consecutive"), planted(12, 2, 5), target=1)
    (tmp_path / "notebook.html").write_text(
        f"<!doctype html><style>button {{ display: none }}</style>{found._repr_html_()}{other._repr_html_()}",
        encoding="utf-8",
    )
    with page(browser) as shown:
        shown.goto((tmp_path / "notebook.html").as_uri())
        frames = shown.frames[1:]
        assert len(frames) == 2
        for frame in frames:
            until(frame, "window.player && player.video.readyState >= 2")
        # Each begins at the frame with the most evidence.
        peaks = [int(one.temporal.argmax()) for one in (found, other)]
        assert [frame.evaluate("player.frame") for frame in frames] == peaks
        frames[0].evaluate("player.go(0)")
        assert [frame.evaluate("player.frame") for frame in frames] == [0, peaks[1]]
        assert [frame.evaluate("player.count") for frame in frames] == [20, 12]
        assert frames[0].locator("button").first.is_visible()  # styles of the notebook stay outside
        assert shown.evaluate("typeof player") == "undefined"


def test_names_are_escaped_in_the_page_and_in_the_notebook(tmp_path):
    model = BrightSquares(8, 32, "consecutive")
    model.config = model.config.replace(labels=("a", "</script><b>\"'", "c"))
    found = explain(model, planted(20, 4, 11), target=1)
    text = found.save(tmp_path / "a.html").read_text(encoding="utf-8")
    inside = unescape(re.search(r'srcdoc="([^"]*)"', found._repr_html_()).group(1))
    for one in (text, inside):
        assert "<b>" not in one
        assert one.count("</script>") == len(SCRIPTS) + 2  # the data, and the start


def test_a_notebook_shows_a_minute_of_a_long_clip_around_the_evidence():
    curve = np.zeros(NOTEBOOK_FRAMES + 500, np.float32)
    curve[700:800] = 1
    start, stop = strongest_part_of(curve, NOTEBOOK_FRAMES)
    assert stop - start == NOTEBOOK_FRAMES
    assert start <= 700 and stop >= 800  # noqa: PT018
    assert strongest_part_of(curve, len(curve)) == (0, len(curve))
    assert strongest_part_of(np.array([0, 1, 5, 1, 0], np.float32), 2) == (1, 3)


def test_fine_maps_are_averaged_until_they_fit(found):
    data = player_data_of(found, 20 * 9 * 2)
    maps = data.meta["maps"]
    assert (maps["steps"], maps["rows"], maps["columns"]) == (20, 3, 3)
    values = np.arange(32, dtype=np.float32).reshape(2, 4, 4)
    assert np.allclose(shrunk(values, 2 * 2 * 2 * 2), values.reshape(2, 2, 2, 2, 2).mean((2, 4)))
    assert shrunk(values, 10_000) is values


def test_a_part_of_a_clip_has_its_own_curve(found):
    data = player_data_of(found, 1 << 20, 4, 9)
    assert data.meta["frames"] == 5
    assert data.meta["curve"] == pytest.approx(found.temporal[4:9].tolist())


@pytest.mark.browser
def test_the_player_names_the_frames_and_seconds_of_the_clip(browser, tmp_path):
    clip = planted(20, 4, 11)
    times = np.array([*range(0, 10), *range(20, 30)], float)
    found = explain(BrightSquares(8, 32, "consecutive"), Clip(clip.frames, 1.0, times=times + 3), target=1)
    data = player_data_of(found, 1 << 20, 12, 17)
    assert data.meta["first"] == 12
    assert data.meta["seconds"] == [22, 23, 24, 25, 26]
    (tmp_path / "part.html").write_text(player_page(data, b""), encoding="utf-8")
    for path, frame, words in (
        (found.save(tmp_path / "whole.html"), 11, "frame 11 of 20, 21.00 s"),
        (tmp_path / "part.html", 3, "frame 15 of 12 to 16, 25.00 s"),
    ):
        with page(browser) as shown:
            shown.goto(path.as_uri())
            shown.evaluate(f"player.go({frame})")
            assert shown.evaluate("player.where.textContent") == words


def test_frames_are_shown_in_square_pixels(tmp_path):
    clip = planted(20, 4, 11)
    wide = Clip(clip.frames, clip.fps, clip.indices, clip.path, pixel_aspect=2.0)
    found = explain(BrightSquares(8, 32, "consecutive"), wide, target=1)
    meta = player_data_of(found, 1 << 20).meta
    assert meta["width"] == 2 * meta["height"]
