"""The page in a real browser, from the upload to the file that is taken away."""

import json
import re
from contextlib import contextmanager

import numpy as np
import pytest

import videxplain as vx
from tests.browser import expect, faults, page, until
from tests.studio.running import PATIENCE

# The first answers of a worker take minutes on a busy machine.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(1000)]
EVENTS = "**/api/events*"
DONE = '.pane[data-state="done"]'
RECORD = """() => {
  const { player } = studio.main;
  window.seen = [];
  const next = (_, { mediaTime }) => {
    if (player.playing) seen.push([Math.round(mediaTime * player.meta.fps), player.frame]);
    player.video.requestVideoFrameCallback(next);
  };
  player.video.requestVideoFrameCallback(next);
}"""
"""Notes the frame of the video and of the player while it plays."""
TOLD = "new Promise((over) => studio.follow(studio.main.key, (job) => job.state === 'done' && over()))"
"""Comes when the page has been told, by the stream of events too, that its question is answered."""


@contextmanager
def opened(browser, served, width=1280):
    """A page that talks to the studio and to nobody else."""
    with page(browser, width, offline=False, seconds=2 * PATIENCE) as shown:
        elsewhere: list[str] = []
        shown.on(
            "request", lambda one: one.url.startswith((served.address, "blob:", "data:")) or elsewhere.append(one.url)
        )
        shown.on("console", lambda one: "Content Security Policy" in one.text and elsewhere.append(one.text))
        shown.set_default_timeout(1000 * PATIENCE)
        yield shown
        assert not elsewhere


def uploaded(shown, served, clip, query="?model=late_fusion"):
    """Upload a clip; the page of its explanation."""
    shown.goto(served.address)
    shown.set_input_files("#file", clip)
    shown.wait_for_url("**/clip/*")
    shown.wait_for_selector("#question")
    if query:
        shown.goto(shown.url.partition("?")[0] + query)
    shown.wait_for_selector(DONE)


def test_upload_overlay_scrub_hide_and_take_away(browser, served, clip, tmp_path):
    with opened(browser, served) as shown:
        uploaded(shown, served, clip)
        own = vx.explain(vx.load_model("late_fusion"), clip, "gradcam")
        assert shown.locator(".for").inner_text() == f"for {own.origin.target}"
        label, share = own.predictions[0]
        row = shown.locator("#predictions tr").first
        expect(row).to_contain_text(label)
        assert f"{100 * share:.1f} %" in row.inner_text()
        got = np.array(shown.evaluate("Array.from(studio.main.player.maps.enlarged(7, 64, 80))")).reshape(64, 80)
        assert np.abs(got - own.heatmap[7]).max() <= own.heatmap.max() / 255

        slider = shown.get_by_role("slider", name="Frame")
        slider.focus()
        shown.keyboard.press("Home")
        shown.keyboard.press("ArrowRight")
        expect(slider).to_have_attribute("aria-valuenow", "1")
        # What the page asks by itself has come: the layers last of all.
        expect(shown.locator("#layers option")).not_to_have_count(0)
        until(shown, "studio.main.player.video.readyState === 4 && !studio.main.player.video.seeking")
        asked = []
        shown.on("request", lambda one: asked.append(one.url))
        shown.evaluate("studio.main.player.set({opacity: 0.3, threshold: 0.4, top: 0.5, colours: 'viridis'})")
        assert not asked

        shown.click("#hide")
        shown.wait_for_selector("#tried tbody tr:nth-child(2)")
        shown.click("#draw")
        area = shown.locator(".vx-stage").bounding_box()
        shown.mouse.move(area["x"] + 0.2 * area["width"], area["y"] + 0.2 * area["height"])
        shown.mouse.down()
        shown.mouse.move(area["x"] + 0.6 * area["width"], area["y"] + 0.8 * area["height"])
        shown.mouse.up()
        assert [int(shown.input_value(f"#edit [name={name}]")) for name in ("left", "top", "right", "bottom")] == [
            pytest.approx(value, abs=1) for value in (20, 20, 60, 80)
        ]
        strip = shown.locator(".strip").bounding_box()
        shown.mouse.move(strip["x"] + 0.26 * strip["width"], strip["y"] + 5)
        shown.mouse.down()
        shown.mouse.move(strip["x"] + 0.51 * strip["width"], strip["y"] + 5)
        shown.mouse.up()
        for name, value in (("first", "5"), ("last", "10")):
            expect(shown.locator(f"#edit [name={name}]")).to_have_value(value)
        shown.click("#edit button[type=submit]")
        shown.wait_for_selector("#tried tbody tr:nth-child(3)")
        assert "hide in the box, frames 5 to 10" in shown.locator("#tried").inner_text()

        with shown.expect_download() as download:
            shown.click('#files button[data-format="json"]')
        assert download.value.suggested_filename == "wave-late_fusion-gradcam.json"
        kept = tmp_path / "kept.json"
        download.value.save_as(kept)
        assert json.loads(kept.read_text())["target"] == own.origin.target
        assert not faults(shown)

        # The answer is there at once, and the stream of events tells it once more.
        held: list = []
        shown.route(EVENTS, lambda route: held.append(route))
        shown.reload()
        shown.wait_for_selector(DONE)
        shown.wait_for_selector("#tried tbody tr:nth-child(3)")
        shown.unroute(EVENTS)
        shown.evaluate(TOLD)
        expect(shown.locator(".status")).to_have_text(re.compile("^at trunk.layer4, "))


def test_class_against_class_and_two_panes_in_step(browser, served, clip):
    with opened(browser, served) as shown:
        uploaded(shown, served, clip)
        first = shown.locator("#predictions th").first.inner_text()
        # The table fits its column with long labels too, so that no link is cut off.
        for label in ("ApplyEyeMakeup", "x" * 100):
            shown.evaluate(
                "label => (document.querySelector('#predictions tr:nth-child(2) th').textContent = label)", label
            )
            assert shown.evaluate(
                "(one => one.scrollWidth <= one.clientWidth)(document.querySelector('.table:has(#predictions)'))"
            )
        shown.get_by_role("link", name=f"why {first} rather than").first.click()
        shown.wait_for_url("**against=*")
        shown.wait_for_selector(DONE)
        assert " rather than " in shown.locator(".for").inner_text()
        shown.click("#beside")
        shown.wait_for_url("**beside=*")
        shown.wait_for_selector(DONE + " + " + DONE)
        shown.evaluate("document.querySelector('.status').textContent = 'a long line '.repeat(40)")
        left, right = shown.locator(".vx-stage").evaluate_all(
            "all => all.map((one) => one.getBoundingClientRect().toJSON())"
        )
        assert (left["y"], left["height"]) == pytest.approx((right["y"], right["height"]), abs=0.5)
        assert left["x"] + left["width"] < right["x"]
        shown.evaluate("studio.panes[0].player.go(9)")
        assert shown.evaluate("studio.panes[1].player.frame") == 9
        shown.evaluate("studio.panes[1].player.set({opacity: 0.25})")
        assert shown.evaluate("studio.panes[0].player.look.opacity") == 0.25
        shown.get_by_role("link", name="Remove").last.click()
        expect(shown).not_to_have_url(re.compile("beside="))
        shown.wait_for_selector(DONE)
        assert shown.locator(".pane").count() == 1


def test_the_form_asks_what_the_method_takes(browser, served, clip):
    with opened(browser, served) as shown:
        uploaded(shown, served, clip)
        shown.click("summary")
        shown.select_option("#method", "smoothgrad")
        shown.wait_for_selector("#o-samples")
        assert shown.locator("#layer-field").is_hidden()
        shown.fill("#o-samples", "2")
        shown.fill("#frames", "4:12")
        shown.click("#question button.main")
        shown.wait_for_url("**o.samples=2*")
        shown.wait_for_selector(DONE)
        assert shown.evaluate("[studio.main.player.count, studio.main.player.meta.frames]") == [8, 8]
        # The changes count the frames of the clip, as the player does.
        assert [shown.get_attribute(f"#edit [name={name}]", "max") for name in ("first", "last")] == ["11", "11"]
        assert [shown.input_value(f"#edit [name={name}]") for name in ("first", "last")] == ["4", "11"]
        assert "--samples 2" in shown.locator("pre").first.inner_text()
        shown.evaluate("studio.main.player.go(2)")
        assert shown.evaluate("studio.main.player.video.currentTime") == pytest.approx((4 + 2.5) / 10, abs=0.02)
        assert shown.locator(".vx-where").inner_text() == "frame 6 of 4 to 11, 0.60 s"
        # While it plays, the map is that of the frame that is shown, and it stops where the stretch ends. A busy
        # machine leaves frames out, so it plays slowly, and until enough were seen.
        until(shown, "studio.main.player.video.readyState >= 2 && !studio.main.player.video.seeking")
        shown.evaluate(RECORD)
        shown.evaluate("studio.main.player.video.playbackRate = 0.5")
        seen: list[list[int]] = []
        while len(seen) < 3:
            shown.evaluate("studio.main.player.go(0); studio.main.player.play()")
            expect(shown.locator(".vx-where")).to_have_text(re.compile("^frame 11 of 4 to 11, "))
            expect(shown.get_by_role("button", name="Play", exact=True)).to_be_visible()
            seen = shown.evaluate("seen")
        assert all(video - 4 == frame for video, frame in seen if video < 12)
        shown.fill("#edit [name=first]", "6")
        shown.click("#edit button[type=submit]")
        shown.wait_for_selector("#tried tbody tr")
        assert "hide in the box, frames 6 to 11" in shown.locator("#tried").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_everything_and_nothing_is_serious(browser, served, clip, scheme):
    with opened(browser, served, 390) as shown:
        shown.emulate_media(color_scheme=scheme)
        shown.goto(served.address)
        assert not faults(shown)
        assert shown.evaluate("document.documentElement.scrollWidth") <= 390
        uploaded(shown, served, clip)
        assert shown.evaluate("document.documentElement.scrollWidth") <= 390
        assert not faults(shown)
        shown.goto(served.address + "/docs")
        assert shown.evaluate("document.documentElement.scrollWidth") <= 390
        assert not faults(shown)


def test_what_cannot_be_read_gets_its_line(browser, served, tmp_path):
    wrong = tmp_path / "list.mp4"
    wrong.write_text("#EXTM3U\nfile:///etc/passwd\n")
    with opened(browser, served) as shown:
        shown.goto(served.address)
        shown.set_input_files("#file", wrong)
        shown.get_by_text("this is not a video file").wait_for()


def test_a_file_that_is_too_large_is_not_sent_and_drops_count_everywhere(browser, served, clip, tmp_path, limits):
    large = tmp_path / "large.mp4"
    with large.open("wb") as file:
        file.truncate(limits.upload_bytes + 1)
    with opened(browser, served) as shown:
        sent: list[str] = []
        shown.on("request", lambda one: one.method == "POST" and sent.append(one.url))
        shown.goto(served.address)
        shown.set_input_files("#file", large)
        shown.get_by_text("large.mp4 is too large: a clip has at most 4 MB").wait_for()
        assert not sent
        drop = """(names) => {
          const data = new DataTransfer();
          for (const name of names) data.items.add(new File(["x"], name));
          const event = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
          document.querySelector("footer").dispatchEvent(event);
          return event.defaultPrevented;
        }"""
        assert shown.evaluate(drop, ["a.mp4", "b.mp4"])
        assert shown.inner_text("#said") == "choose one video at a time"
        assert shown.evaluate(drop, ["a.mp4"])
        shown.get_by_text("this is not a video file").wait_for()


def test_nothing_moves_when_the_classes_come(browser, served, clip):
    """The table has as many rows before as after, five or the network's number of classes."""
    height = "document.getElementById('predictions').offsetHeight"
    with opened(browser, served) as shown:
        uploaded(shown, served, clip)
        shown.wait_for_selector("#predictions th")
        after = shown.evaluate(height)
        shown.route("**/api/jobs", lambda route: route.abort())
        shown.reload()
        assert shown.evaluate(height) == after
        assert shown.locator("#predictions tr").count() == 5


def test_a_cancelled_question_is_asked_again_and_stands_on_the_first_page_while_it_waits(browser, served, clip):
    with opened(browser, served) as shown:
        uploaded(shown, served, clip)
        address = shown.url.partition("?")[0] + "?model=late_fusion&method=rise&o.samples=4000"
        held: list = []
        shown.goto("about:blank")
        shown.route(EVENTS, lambda route: held.append(route), times=1)
        shown.goto(address)
        status = shown.locator(".status")
        cancel = status.get_by_role("button", name="Cancel", exact=True)
        # A click counts, though the words beside the button change while it is pressed.
        cancel.hover()
        shown.mouse.down()
        while not held:
            shown.wait_for_timeout(20)
        said = {"state": "running", "stage": "some words", "total": 0}
        job = {**shown.evaluate("studio.get('/api/jobs/' + studio.main.key)"), **said}
        held[0].fulfill(content_type="text/event-stream", body=f"retry: 900000\ndata: {json.dumps(job)}\n\n")
        expect(status).to_contain_text("some words")
        cancel.hover()
        shown.mouse.up()
        shown.evaluate("studio.follow(studio.main.key, () => {})")  # opens the stream again
        status.get_by_role("button", name="Ask again").click()
        cancel.wait_for()
        shown.goto(served.address)
        # The page that was open for a moment after the upload has asked something too.
        item = shown.locator(".waiting li", has_text="RISE of late_fusion, wave.mp4")
        item.wait_for()
        assert not faults(shown)
        item.get_by_role("button").click()
        item.get_by_text("cancelled").wait_for()
        assert item.get_by_role("button").count() == 0


def test_a_part_of_a_map_that_comes_late_does_not_replace_the_map(browser, served, clip):
    with opened(browser, served) as shown:
        uploaded(shown, served, clip)
        whole = shown.evaluate("() => studio.main.player.maps.steps")
        held: list = []
        shown.route("**/partial*", lambda route: held.append(route))
        shown.evaluate("() => { studio.late = studio.show(studio.main, studio.main.key, true); }")
        meta = shown.evaluate("() => studio.get(`/api/results/${studio.main.key}/player`)")
        while not held:
            shown.wait_for_timeout(20)
        held.pop().fulfill(json=meta)
        while not held:
            shown.wait_for_timeout(20)
        held.pop().fulfill(body=bytes(2 * meta["maps"]["rows"] * meta["maps"]["columns"] * whole))
        shown.evaluate("() => studio.late")
        assert shown.get_attribute(".pane", "data-state") == "done"
        assert shown.evaluate("() => studio.main.player.maps.enlarged(0, 8, 8).some((value) => value > 0)")
