"""The player in a real browser: the numbers that it draws are those of the Python side."""

import numpy as np
import pytest

from tests.browser import expect, page, until
from videxplain.viz.colour import cover, lut
from videxplain.viz.overlay import enlarge
from videxplain.viz.player.bundle import player_data, player_page
from videxplain.viz.video import save_video

FPS, FRAMES, HEIGHT, WIDTH = 12.5, 40, 48, 64
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def mp4(tmp_path_factory):
    path = tmp_path_factory.mktemp("player") / "clip.mp4"
    frames = (np.full((HEIGHT, WIDTH, 3), 6 * t, np.uint8) for t in range(FRAMES))
    save_video(path, frames, FPS)
    return path.read_bytes()


def maps(rows: int, columns: int) -> np.ndarray:
    return np.random.default_rng(0).random((FRAMES, rows, columns), np.float32) * np.float32(3e-6)


def opened(shown, tmp_path, mp4, values, **changed):
    temporal = np.sin(np.arange(FRAMES) / 6).clip(-0.3)
    settings = {"temporal": temporal, "fps": FPS, "size": (HEIGHT, WIDTH), "scale": (0.0, float(values.max()))}
    data = player_data(values, **{**settings, "title": "a </script> clip", "label": "Wave & <b>", **changed})
    path = tmp_path / "page.html"
    path.write_text(player_page(data, mp4), encoding="utf-8")
    shown.goto(path.as_uri())
    until(shown, "window.player && window.player.video.readyState >= 2")
    assert shown.evaluate("player.frame") == int(
        np.argmax(changed.get("temporal", temporal))
    )  # where there is most to see
    shown.evaluate("player.go(0)")


@pytest.mark.parametrize("grid", [(5, 7), (48, 64), (1, 1), (96, 80), (30, 100)])
def test_maps_are_enlarged_as_the_pictures_are(browser, tmp_path, mp4, grid):
    values = maps(*grid)
    with page(browser) as shown:
        opened(shown, tmp_path, mp4, values)
        got = np.array(shown.evaluate(f"Array.from(player.maps.enlarged(7, {HEIGHT}, {WIDTH}))")).reshape(HEIGHT, WIDTH)
    assert np.abs(got - enlarge(values[7], (HEIGHT, WIDTH))).max() < values.max() / 255 / 2


def test_pixels_have_the_colour_and_the_cover_of_the_overlay(browser, tmp_path, mp4):
    values = maps(6, 8)
    with page(browser) as shown:
        opened(shown, tmp_path, mp4, values)
        shown.evaluate("player.go(3)")
        shown.evaluate("player.set({opacity: 0.8, colours: 'viridis'})")
        got = np.array(shown.evaluate("Array.from(player.image.data)")).reshape(HEIGHT, WIDTH, 4)
        shown.evaluate("player.set({threshold: 0.5})")
        hidden = np.array(shown.evaluate("Array.from(player.image.data)")).reshape(HEIGHT, WIDTH, 4)[..., 3] == 0
    share = enlarge(values[3], (HEIGHT, WIDTH)) / values.max()
    table, alpha = lut("viridis").astype(int), 255 * cover(0.8)
    level = np.rint(255 * share).astype(int)
    # A value in the middle between two levels may be rounded to either.
    assert np.abs(got[..., :3] - table[level]).max() <= np.abs(np.diff(table, axis=0)).max()
    assert np.abs(got[..., 3] - alpha[level]).max() <= np.abs(np.diff(alpha)).max() + 1
    certain = np.abs(share - 0.5) > 0.01
    assert (hidden == (share < 0.5))[certain].all()


def test_keys_the_scrubber_and_the_strongest_second(browser, tmp_path, mp4):
    values = maps(3, 4)
    curve = np.zeros(FRAMES)
    curve[20:25] = 1
    with page(browser) as shown:
        opened(shown, tmp_path, mp4, values, temporal=curve)
        slider = shown.get_by_role("slider", name="Frame")
        slider.focus()
        for key, frame in (("ArrowRight", 1), ("PageDown", 11), ("ArrowLeft", 10), ("End", FRAMES - 1), ("Home", 0)):
            shown.keyboard.press(key)
            expect(slider).to_have_attribute("aria-valuenow", str(frame))
        box = slider.bounding_box()
        shown.mouse.click(box["x"] + box["width"] * 30.5 / FRAMES, box["y"] + 5)
        expect(slider).to_have_attribute("aria-valuenow", "30")
        # The clip brightens by 6 levels a frame: the picture under the map becomes that frame's.
        shown.wait_for_function(
            "wanted => { const c = document.createElement('canvas').getContext('2d'); "
            "c.drawImage(player.video, 0, 0, 8, 8); "
            "return !player.video.seeking && Math.abs(c.getImageData(4, 4, 1, 1).data[0] - wanted) <= 2; }",
            arg=6 * 30,
        )
        first, last = shown.evaluate("player.strongest()")
        assert (last - first + 1, first <= 20, last >= 24) == (13, True, True)  # JavaScript rounds 12.5 up


def test_what_was_not_seen_is_dimmed_and_words_are_words(browser, tmp_path, mp4):
    with page(browser) as shown:
        opened(shown, tmp_path, mp4, maps(3, 4), view=(0, 16, 48, 48), notes=("<i>not trained</i>",))
        assert shown.locator("h1").inner_text() == "a </script> clip for Wave & <b>"
        assert shown.locator(".note").inner_text() == "<i>not trained</i>"
        stage, seen = shown.locator(".vx-stage").bounding_box(), shown.locator(".vx-seen").bounding_box()
        assert (seen["x"] - stage["x"]) / stage["width"] == pytest.approx(0.25, abs=0.01)
        assert seen["width"] / stage["width"] == pytest.approx(0.5, abs=0.01)
        assert shown.locator(".vx-map").bounding_box() == pytest.approx(seen, abs=0.5)
        assert shown.locator(".vx-seen").get_attribute("title") == "the network saw the middle 32x48 of 64x48 pixels"


def test_the_map_lies_in_what_was_seen(browser, tmp_path, mp4):
    values = maps(6, 8)
    with page(browser) as shown:
        opened(shown, tmp_path, mp4, values, view=(0.2, 16.4, 48, 47.8))
        assert shown.evaluate("player.meta.view") == [0, 16, 48, 48]
        assert shown.evaluate("[player.image.width, player.image.height]") == [32, 48]
        large = enlarge(values[0], (48, 32))
        for x, y in ((16, 0), (47, 47), (30, 20)):
            assert shown.evaluate(f"player.value({x}, {y})") == pytest.approx(float(large[y, x - 16]), rel=1e-2)
        assert shown.evaluate("[player.value(15, 20), player.value(48, 20)]") == [None, None]


def test_panes_in_step(browser, tmp_path, mp4):
    with page(browser) as shown:
        opened(shown, tmp_path, mp4, maps(3, 4))
        shown.evaluate(
            """() => {
                const host = document.body.appendChild(document.createElement("div"));
                const {meta, colours} = player;
                const bytes = new Uint8Array(2 * meta.frames * 12);
                window.second = new videxplain.Player(host, {meta, maps: bytes, video: player.video.src, colours});
                videxplain.sync([player, second]);
                player.go(9);
                second.set({opacity: 0.25});
            }"""
        )
        assert shown.evaluate("[second.frame, player.look.opacity]") == [9, 0.25]
        shown.evaluate("second.step(1)")
        assert shown.evaluate("player.frame") == 10


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_cut_off(browser, tmp_path, mp4, width):
    with page(browser, width) as shown:
        opened(shown, tmp_path, mp4, maps(3, 4))
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
