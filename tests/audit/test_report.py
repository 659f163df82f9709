"""The report in a real browser, opened from disk without a connection."""

import re
from dataclasses import replace
from urllib.parse import quote, urlencode

import numpy as np
import pytest

import videxplain as vx
from tests.audit.conftest import Tiny
from tests.audit.many import write_many
from tests.browser import DRAWN, expect, faults, page, until
from tests.firefox import firefox
from videxplain.audit.api import run_audit
from videxplain.audit.report.build import build_report
from videxplain.audit.report.clips import choose_clips
from videxplain.audit.report.compare import build_comparison
from videxplain.data.datasets.open import open_dataset
from videxplain.errors import VidexplainError

pytestmark = pytest.mark.browser
HOLD = "() => { window.held = []; document.head.append = (script) => held.push(script); }"
"""Holds the scripts with the maps that a page asks for, in the order in which it asks."""
RELEASE = """async (script) => {
  const done = new Promise((over) => script.addEventListener("load", over));
  Element.prototype.append.call(document.head, script);
  await done;
}"""
GO_TO = """async (name) => {
  const done = new Promise((over) => window.addEventListener("hashchange", over, { once: true }));
  location.hash = "name=" + name;
  await done;
}"""


@pytest.fixture(scope="module")
def audits(figures, tmp_path_factory):
    out = tmp_path_factory.mktemp("reports")
    data = open_dataset(figures)
    made = [run_audit(Tiny(seed).eval(), data, out / f"audit {seed}", subset="all") for seed in (0, 1)]
    build_report(made[0], clips="12")
    return made


def report(audit, name: str) -> str:
    return (audit.folder / "report" / name).as_uri()


def test_a_cell_of_the_matrix_opens_its_clips(browser, audits):
    audit = audits[0]
    table = audit.videos
    counts = table.groupby(["truth", "prediction"]).size()
    (truth, prediction), count = counts.idxmax(), counts.max()
    with page(browser) as shown:
        shown.goto(report(audit, "index.html"))
        assert shown.get_by_text("28", exact=True).first.is_visible()
        shown.get_by_role("link", name="Confusion matrix").click()
        expect(shown.locator("#count")).to_have_text("28 of 28 clips")  # the matrix listens to keys
        labels = list(audit.settings.labels)
        shown.locator("#matrix").focus()
        for _ in range(labels.index(truth)):
            shown.keyboard.press("ArrowDown")
        for _ in range(labels.index(prediction)):
            shown.keyboard.press("ArrowRight")
        said = f"{truth} recognised" if truth == prediction else f"{truth} taken for {prediction}"
        expect(shown.locator("#cell")).to_have_text(f"{said}: {count} of 2 clips")
        shown.keyboard.press("Enter")
        expect(shown.locator("#count")).to_have_text(f"{count} of 28 clips")
        address = shown.evaluate("location.href")
        shown.locator("#clips a").first.click()
        until(shown, "document.getElementById('command')?.textContent")
        name = shown.locator("#heading").inner_text()
        row = table[table["path"] == name].iloc[0]
        assert (row["truth"], row["prediction"]) == (truth, prediction)
        # The address alone brings the cell back.
        shown.goto("about:blank")
        shown.goto(address)
        expect(shown.locator("#count")).to_have_text(f"{count} of 28 clips")


def test_the_map_on_a_clips_page_is_that_of_the_audit(browser, audits):
    audit = audits[0]
    number = choose_clips(audit, np.arange(28), {}, "12")[0]
    name, path = audit.videos["name"].iloc[number], audit.videos["path"].iloc[number]
    with page(browser) as shown:
        shown.goto(report(audit, "clip.html") + f"#name={name}")
        until(shown, "window.player && window.player.video.readyState >= 2")
        assert shown.locator("#heading").inner_text() == path
        values = np.array(shown.evaluate("Array.from(player.maps.values)"))
        maps = audit.maps(number)
        assert np.abs(values.reshape(maps.shape) - maps).max() <= maps.max() / 255
        buttons = shown.locator("#choices button")
        if not audit.videos["correct"].iloc[number]:
            assert buttons.count() == 3
            buttons.nth(2).click()
            values = np.array(shown.evaluate("Array.from(player.maps.values)"))
            contrast = audit.maps(number, "contrast")
            assert np.abs(values.reshape(contrast.shape) - contrast).max() <= max(contrast.max(), 1e-12) / 255
        shown.keyboard.press("Tab")
        # The network was given as an object: the line that repeats the map is of Python, and it does.
        line = shown.locator("#command").inner_text()
        again = eval(line, {"videxplain": vx, "network": Tiny(0).eval()})
        row = audit.videos.iloc[number]
        assert again.predictions[0][0] == row["prediction"]
        assert again.predictions[0][1] == pytest.approx(row["probability"], abs=1e-6)


def test_filters_and_clips_without_media(browser, audits):
    audit = audits[0]
    wrong = int((~audit.videos["correct"].to_numpy(bool)).sum())
    with page(browser) as shown:
        shown.goto(report(audit, "clips.html"))
        shown.locator("select[name=result]").select_option("wrong")
        expect(shown.locator("#count")).to_have_text(f"{wrong} of 28 clips")
        shown.get_by_role("button", name="Clear").click()
        expect(shown.locator("#count")).to_have_text("28 of 28 clips")
        expect(shown.locator("#clips img")).to_have_count(12)
        bare = shown.locator("#clips li", has_text="no video here").first
        bare.locator("a").click()
        shown.wait_for_selector("text=No video was written for this clip")


@pytest.fixture(scope="module")
def odd_labels(figures, tmp_path_factory):
    """An audit of classes with names that HTML and canvases change."""
    data = open_dataset(figures)
    odd = {"Run": "two  spaces", "Jump": "walk", "Kick": "x" * 200, "Bow": "<b>bow</b>"}
    labels = tuple(odd.get(label, label) for label in data.labels)
    model = Tiny().eval()
    model.config = model.config.replace(labels=tuple(odd.get(label, label) for label in model.config.labels))
    out = tmp_path_factory.mktemp("odd")
    audit = run_audit(model, replace(data, labels=labels), out, subset="all", trust=False)
    build_report(audit, clips="2")
    return audit


def test_classes_with_odd_names(browser, odd_labels):
    table = odd_labels.videos
    with page(browser) as shown:
        for label in ("two  spaces", "<b>bow</b>"):
            shown.goto("about:blank")
            shown.goto(report(odd_labels, "clips.html") + "#" + urlencode({"truth": label}))
            expect(shown.locator("#count")).to_have_text(f"{(table['truth'] == label).sum()} of 28 clips")
        # The weights do not say which clips are known, so the clips cannot be filtered by it.
        assert shown.locator("select[name=known]").is_hidden()
        assert shown.locator("select[name=truth]").is_visible()
        shown.goto(report(odd_labels, "confusion.html"))
        shown.fill("#find", "walk")
        shown.locator("#find").press("Enter")
        expect(shown.locator("#cell")).to_have_text(re.compile("^walk recognised: "))
        # A long name does not push the figures of its class out of sight.
        shown.goto(report(odd_labels, "classes.html"))
        assert shown.evaluate("(one => one.scrollWidth <= one.clientWidth)(document.querySelector('.table'))")


def test_what_was_not_measured_is_not_offered(browser, audits, odd_labels):
    with page(browser) as shown:
        for audit, measured in ((audits[0], True), (odd_labels, False)):
            shown.goto(report(audit, "clips.html"))
            assert shown.locator("input[name=trust]").is_visible() == measured
            assert shown.locator("select[name=sort] option").count() == (5 if measured else 4)
            shown.goto(report(audit, "classes.html"))
            assert shown.get_by_role("columnheader", name="trust").count() == measured
            assert shown.get_by_role("columnheader", name="share of motion").count() == measured
            shown.goto(report(audit, "clip.html"))
            expect(shown.locator("#heading")).to_have_text("Choose a clip")
            assert shown.get_by_text("Repeat it").is_hidden()
            # The page stays, and its script is told of the new address later.
            shown.goto(report(audit, "clip.html") + "#name=" + quote(str(audit.videos["name"].iloc[0])))
            expect(shown.locator("#heading")).to_have_text(audit.videos["path"].iloc[0])
            assert shown.locator("#facts").get_by_text("trust of the map").count() == measured


def test_only_the_last_clip_that_was_asked_for_is_shown(browser, audits):
    audit = audits[0]
    first, second = (audit.videos["name"].iloc[i] for i in choose_clips(audit, np.arange(28), {}, "12")[:2])
    with page(browser) as shown:
        shown.goto(report(audit, "clip.html") + f"#name={first}")
        shown.wait_for_selector("#choices button")
        shown.evaluate(HOLD)
        for name in (second, first, second):
            shown.evaluate(GO_TO, name)
        # The maps of the last come first, those of the two before later.
        for place in (2, 1, 0):
            shown.evaluate(f"({RELEASE})(held[{place}])")
        wrong = not audit.videos.set_index("name")["correct"][second]
        expect(shown.locator("#heading")).to_have_text(audit.videos.set_index("name")["path"][second])
        assert shown.locator("#choices button").count() == (3 if wrong else 1)
        assert shown.locator("#facts dt", has_text="frames a second").count() == 1
        values = np.array(shown.evaluate("Array.from(player.maps.values)"))
        maps = audit.maps(second)
        assert np.abs(values.reshape(maps.shape) - maps).max() <= maps.max() / 255


def test_a_pair_that_is_chosen_again_shows_the_map_of_each_network(browser, audits, tmp_path):
    """Maps come late, and those of another choice in between. Both audits call a clip by the same name."""
    both = build_comparison(*audits, tmp_path / "both", clips="2")
    with page(browser) as shown:
        shown.goto(both.as_uri())
        shown.evaluate(HOLD)
        shown.evaluate(
            "() => { const { sync } = videxplain; videxplain.sync = (all) => sync((window.players = all)); }"
        )
        first, second = (f"document.querySelectorAll('#pairs a')[{place}].click()" for place in (0, 1))
        shown.evaluate(second)
        shown.evaluate(f"({RELEASE})(held[0])")  # Now it asks for the map of the second network.
        shown.evaluate(f"{first}; {second}")
        for place in (1, 3, 4, 2):
            shown.evaluate(f"({RELEASE})(held[{place}])")
        assert shown.evaluate("held.length") == 5  # What was asked for last is asked for to its end, and nothing else.
        assert shown.locator("#pair h2").count() == 2
        assert shown.locator("#pair .vx-player").count() == 2
        path = shown.locator("#pairs strong").nth(1).inner_text()
        for place, audit in enumerate(audits):
            values = np.array(shown.evaluate(f"Array.from(players[{place}].maps.values)"))
            maps = audit.maps(list(audit.videos["path"]).index(path))
            assert np.abs(values.reshape(maps.shape) - maps).max() <= maps.max() / 255


def test_charts_fit_a_phone(browser, audits):
    with page(browser, 390) as shown:
        for name in ("index", "odd"):
            shown.goto(report(audits[0], f"{name}.html"))
            until(shown, DRAWN)
            for chart in shown.locator(".chart").all():
                assert chart.evaluate("one => one.scrollWidth <= one.clientWidth")


def test_firefox_opens_it_from_disk(audits, tmp_path):
    """Pages of every kind in Debian's Firefox: scripts run, a filter works, the clip plays with its map."""
    audit = audits[0]
    name = audit.videos["name"].iloc[choose_clips(audit, np.arange(28), {}, "12")[0]]
    both = build_comparison(*audits, tmp_path / "both", clips="2")
    with firefox() as shown:
        for part in ("index", "confusion", "clips", "classes", "odd"):
            shown.go(report(audit, f"{part}.html"))
            shown.wait("[...document.querySelectorAll('[data-chart]')].every((one) => one.querySelector('svg'))")
        shown.go(report(audit, "confusion.html") + "#truth=Walk")
        assert shown.run("document.getElementById('count').textContent") == "2 of 28 clips"
        shown.go(report(audit, "clip.html") + f"#name={name}")
        shown.wait("window.player && player.video.readyState >= 2")
        assert shown.run("player.video.error") is None
        values = np.array(shown.run("Array.from(player.maps.values)"))
        maps = audit.maps(name)
        assert np.abs(values.reshape(maps.shape) - maps).max() <= maps.max() / 255
        shown.run("player.go(3)")
        shown.wait("player.frame === 3 && Math.abs(player.video.currentTime * player.meta.fps - 3.5) < 1")
        shown.go(both.as_uri())
        shown.click("#pairs a")
        shown.wait("document.querySelectorAll('#pair .vx-player').length === 2")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", ["index", "confusion", "clips", "classes", "odd"])
def test_pages_fit(browser, audits, name, width):
    with page(browser, width) as shown:
        shown.goto(report(audits[0], f"{name}.html"))
        until(shown, DRAWN)
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        assert shown.locator("h1").count() == 1
        assert not faults(shown)


def test_two_audits_side_by_side(browser, audits, tmp_path):
    made = build_comparison(*audits, tmp_path / "both", clips="2")
    first, second = (audit.videos for audit in audits)
    differ = int((first["prediction"] != second["prediction"]).sum())
    with page(browser) as shown:
        shown.goto(made.as_uri())
        expect(shown.locator("#count")).to_have_text(f"{differ} of 28 clips")
        shown.locator("#pairs a").first.click()
        expect(shown.locator("#pair .vx-player")).to_have_count(2)
        assert shown.locator("#pair h2").count() == 2


def test_what_cannot_be_asked(audits):
    with pytest.raises(VidexplainError, match="all, confused or a number"):
        choose_clips(audits[0], np.arange(28), {}, "some")
    wrong = np.flatnonzero(~audits[0].videos["correct"].to_numpy(bool)).tolist()
    assert choose_clips(audits[0], np.arange(28), {}, "confused") == wrong


def test_thirteen_thousand_videos_are_listed_and_filtered(browser, tmp_path):
    """Lists and the matrix of 400 classes, with made-up rows. How long it takes: tests/timings/report.py."""
    with page(browser) as shown:
        shown.goto(write_many(tmp_path).as_uri())
        expect(shown.locator("#count")).to_have_text("13,000 of 13,000 clips")
        assert shown.locator("#clips li").count() == 60
        shown.locator("select[name=known]").select_option("no")
        expect(shown.locator("#count")).to_have_text("130 of 13,000 clips")
        assert shown.locator("#clips li", has_text="unlike what was learned").count() == 60
        shown.locator("#find").fill("class 250")
        shown.locator("#find").dispatch_event("change")
        expect(shown.locator("#cell")).to_have_text(re.compile("^class 250 recognised: "))
