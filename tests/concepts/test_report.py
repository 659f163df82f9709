"""The report in a real browser, opened from disk without a connection."""

import ast
import re
import shutil
from dataclasses import replace
from fractions import Fraction

import av
import cv2
import numpy as np
import pandas as pd
import pytest

from tests.audit.conftest import Tiny
from tests.browser import DRAWN, expect, faults, page, until
from videxplain.actionfigures import synthesize
from videxplain.concepts.api import find_concepts
from videxplain.concepts.report.build import build_report
from videxplain.concepts.report.charts import heatmap
from videxplain.concepts.report.media import write_tube
from videxplain.concepts.report.words import command_of, settings_in_words
from videxplain.concepts.result import Concepts
from videxplain.concepts.tubes import strongest_tube
from videxplain.errors import VidexplainError

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Concepts of rendered videos, whose limbs, bodies and background are known, and their report."""
    root = tmp_path_factory.mktemp("report")
    synthesize(root / "figures", videos=14, seed=5, num_frames=12, size=(64, 80))
    found = find_concepts(
        Tiny().eval(), root / "figures", root / "out", layer="relu", subset="all", concepts=4, places=2000, designs=4
    )
    build_report(found, clips=2, notes=["said on every page"])
    return found


def at(found, name: str) -> str:
    return (found.folder / "report" / name).as_uri()


def test_the_first_page_leads_to_the_concepts(browser, made):
    with page(browser) as shown:
        shown.goto(at(made, "index.html"))
        assert shown.locator(".note").first.inner_text() == "said on every page"
        assert shown.locator(".concepts li").count() == 4
        assert shown.get_by_text(f"{100 * made.explained:.0f} %", exact=True).count() >= 1
        shown.wait_for_selector("[data-chart=sobol] svg")
        shown.wait_for_selector("[data-chart=regions] svg")
        shown.locator(".concepts a").nth(2).click()
        expect(shown.locator("h1")).to_have_text(re.compile("^Concept 2"))
        expect(shown.locator("nav [aria-current]")).to_have_text("2")


def test_a_concepts_page_says_what_the_tables_say(browser, made):
    with page(browser) as shown:
        shown.goto(at(made, "concept-0.html"))
        shown.wait_for_selector("[data-chart=classes-0] svg")
        own = made.shares[made.shares["concept"] == 0]
        rows = shown.locator("section .table tbody tr")
        assert rows.count() == len(own)
        first = own.iloc[0]
        assert rows.first.inner_text().split()[0] == first["label"]
        assert f"{first['sobol']:.2f}" in rows.first.inner_text()
        tubes = made.tubes[made.tubes["concept"] == 0]
        assert (
            f"frames {tubes['first'].iloc[0]} to {tubes['last'].iloc[0]} of 12" in shown.locator(".clips").inner_text()
        )
        until(shown, "[...document.querySelectorAll('video')].every((one) => one.readyState >= 1)")
        assert shown.evaluate("document.querySelector('video').videoWidth") == 80
        fall = made.videos["probability_reconstructed"] - [row[0] for row in made.videos["probability_without"]]
        if fall.max() > 0:
            row = made.videos.iloc[int(fall.argmax())]
            assert str(row["path"]) in shown.locator(".pair").inner_text()
            assert f"{100 * row['probability_without'][0]:.1f} %" in shown.locator(".bars").inner_text()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", ["index", "concept-0"])
def test_pages_fit(browser, made, name, width):
    with page(browser, width) as shown:
        shown.goto(at(made, f"{name}.html"))
        until(shown, DRAWN)
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        cut_off = "[...document.querySelectorAll('pre')].filter((one) => one.scrollWidth > one.clientWidth).length"
        assert shown.evaluate(cut_off) == 0
        assert shown.locator("h1").count() == 1
        assert not faults(shown)


def test_the_picture_of_a_tube_has_the_concepts_colours(made):
    """The strip holds three frames, and the mean map is brightest where the concept is."""
    strip = cv2.imread(str(made.folder / "report" / "media" / "concept-0-clip-0.jpg"))
    assert strip.shape == (64, 3 * 80, 3)
    place = cv2.imread(str(made.folder / "report" / "media" / "concept-0.png")).astype(float).sum(2)
    brightest = np.unravel_index(made.mean_maps[0].argmax(), made.mean_maps[0].shape)
    y, x = (int((index + 0.5) / size * side) for index, size, side in zip(brightest, (24, 32), (120, 160), strict=True))
    assert place[y, x] >= 0.9 * place.max()


def test_videos_that_have_gone_are_said_and_a_full_disk_is_an_error(made, monkeypatch, tmp_path):
    folder = tmp_path / "moved"
    shutil.copytree(made.folder, folder, ignore=shutil.ignore_patterns("report"))
    moved = Concepts.load(folder)
    with monkeypatch.context() as patched:
        patched.setattr(Concepts, "path", lambda self, video: tmp_path / f"{video}.avi")
        page = build_report(moved, clips=1)
    said = f"14 of 14 videos have gone, such as {tmp_path / '0.avi'}: the report does not show them"
    assert said in page.read_text(encoding="utf-8")
    assert not list((page.parent / "media").glob("*.mp4"))
    other = made.path(0)
    with monkeypatch.context() as patched:
        patched.setattr(Concepts, "path", lambda self, video: other)
        page = build_report(moved, clips=1)
    said = f"13 of 14 videos have changed, such as {other}: the report does not show them"
    assert said in page.read_text(encoding="utf-8")

    def full(*_: object) -> None:
        raise VidexplainError("cannot write it: No space left on device")

    monkeypatch.setattr("videxplain.concepts.report.build.write_tube", full)
    with pytest.raises(VidexplainError, match="No space left"):
        build_report(moved, clips=1)


def test_a_tube_is_drawn_in_square_pixels(tmp_path):
    path = tmp_path / "wide.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 80, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)
        for _ in range(4):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 80, 3), np.uint8), format="rgb24")))
        file.mux(stream.encode())
    maps = np.zeros((4, 4, 4), np.float32)
    maps[:, 1, 1] = 1
    tube = strongest_tube(maps, 1.0)
    assert tube is not None
    write_tube(tmp_path, "drawn", path, maps, tube, 1.0, None)
    assert cv2.imread(str(tmp_path / "drawn.jpg")).shape == (64, 3 * 160, 3)


def test_equal_shares_for_and_against_have_equally_strong_colours():
    ends = {"share_low": [0.0, 0.0], "share_high": [0.0, 0.0]}
    shares = pd.DataFrame({"label": ["Walk"] * 2, "videos": 5, "concept": [0, 1], "share": [-0.1, 0.5], **ends})
    assert heatmap(shares, "share", "share")["encoding"]["color"]["scale"]["domain"] == [-0.5, 0.5]


def test_what_cannot_be_asked(made):
    with pytest.raises(VidexplainError, match="--clips is at least 1, not 0"):
        build_report(made, clips=0)


def test_the_command_says_what_was_asked(made):
    asked = {"layer": "relu", "concepts": 4, "places": 2000, "designs": 4, "seed": 0}
    named = replace(made.settings, given=False)
    command = command_of(named)
    assert "--layer relu --subset all --concepts 4 --places 2000 --designs 4 --seed 0 --out FOLDER" in command
    # No command can load the network of the fixture, which was given as an object. Python can take it.
    call = ast.parse(command_of(made.settings), mode="eval").body
    assert [ast.unparse(one) for one in call.args] == ["network", repr(made.settings.data), "FOLDER"]
    assert {one.arg: ast.literal_eval(one.value) for one in call.keywords} == asked | {"subset": made.settings.subset}
    other = command_of(replace(made.settings, split=2))
    assert f"(network, videxplain.open_dataset({made.settings.data!r}, split=2), FOLDER, " in other


def test_the_command_line_finds_concepts_and_writes_the_report(run, tmp_path):
    synthesize(tmp_path / "figures", videos=14, seed=5, num_frames=16, size=(64, 80))
    words = ["concepts", "--model", "c3d", "--data", tmp_path / "figures", "--subset", "all", "--limit", 2]
    words += ["--concepts", 3, "--places", 500, "--designs", 2, "--clips", 1, "--out", tmp_path / "out"]
    words += ["--set", "sampling=uniform"]
    status, printed, _ = run(*words)
    assert status == 0
    assert printed.splitlines()[-1] == str(tmp_path / "out" / "report" / "index.html")
    found = Concepts.load(tmp_path / "out")
    assert len(found.videos) == 2
    assert (found.settings.limit, found.settings.expects) == (2, {"sampling": "uniform"})
    assert "--limit 2 " in command_of(found.settings)
    assert command_of(found.settings).endswith("--out FOLDER --set sampling=uniform")
    # What "auto" loaded is said in words.
    assert dict(settings_in_words(found.settings))["weights"].startswith(
        f"{found.settings.weights_words}, c3d.safetensors, SHA-256 "
    )
    assert "ActionFigures" in found.settings.weights_words
    assert found.settings.evidence == "masks"
    assert set(found.matches["region"]) <= {"limbs", "bodies", "background"}
    status, _, errors = run(*words, "--layer", "conv9")
    assert status == 2
    assert errors.startswith("videxplain: error: unknown layer 'conv9'")
    assert errors.count("\n") == 1
    for option, value, said in (
        ("--seed", 2**32, "0 to 4,294,967,295"),
        ("--designs", 10**21, "0, or 2 to 20,000 for 3"),
    ):
        status, _, errors = run(*words, option, value)
        assert status == 2
        assert errors.startswith(f"videxplain: error: {option[2:]} is {said}")
        assert errors.count("\n") == 1
