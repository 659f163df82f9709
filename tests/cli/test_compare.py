"""The commands compare and figure, and the options of figures for papers."""

import json

import pytest

from tests.viz.documents import pdf_page, pdf_sizes, svg_texts

COMPARE = ("compare", "--model", "i3d", "--methods", "gradcam,layercam")


def test_methods_are_compared(run, clip, tmp_path, narrow):
    status, out, err = run(*COMPARE, "--clip", clip, "--format", "mp4,svg,json", "--out", tmp_path)
    assert (status, err) == (0, "")
    stem = tmp_path / "a clip-i3d-compare-gradcam-layercam"
    assert [line for line in out.splitlines() if line.startswith(str(tmp_path))] == [
        f"{stem}.{kind}" for kind in ("mp4", "svg", "json")
    ]
    kept = json.loads(stem.with_suffix(".json").read_text())
    (pair,) = kept["agreement"]
    assert f"{pair['rank_correlation']:.2f}" in out
    assert f"{100 * pair['overlap']:.0f} %" in out
    assert {"Grad-CAM", "LayerCAM"} <= set(svg_texts(stem.with_suffix(".svg")))
    # The same again takes the place of the files; another comparison of the same names does not.
    assert run(*COMPARE, "--clip", clip, "--format", "json", "--out", tmp_path)[0] == 0
    status, _, err = run(*COMPARE, "--clip", clip, "--scale", "shared", "--format", "json", "--out", tmp_path)
    assert status == 2
    assert "exists and was made with other arguments" in err


def test_networks_are_compared_each_with_its_class(run, clip, tmp_path, narrow):
    options = ("compare", "--models", "i3d,c3d", "--clip", clip, "--format", "json", "--out", tmp_path)
    assert run(*options, "--target", "3")[0] == 0
    kept = json.loads((tmp_path / "a clip-models-compare-i3d-c3d-3.json").read_text())
    assert kept["names"] == ["i3d", "c3d"]
    assert [one["target_index"] for one in kept["explanations"]] == [3, 3]


def test_options_of_methods_are_taken(run, clip, tmp_path, narrow):
    options = ("--methods", "gradcam,rise", "--samples", "4", "--format", "json", "--out", tmp_path)
    assert run("compare", "--model", "i3d", "--clip", clip, *options)[0] == 0
    kept = json.loads((tmp_path / "a clip-i3d-compare-gradcam-rise.json").read_text())
    assert [one["options"] for one in kept["explanations"]] == [{}, {"samples": 4}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "i3d"), "one thing is compared: give --models, --methods, --targets or --layers, and only one"),
        (
            ("--methods", "gradcam,rise"),
            "give --model with --methods, --targets or --layers; --models stands in its place",
        ),
        (
            ("--models", "i3d,c3d", "--model", "i3d"),
            "give --model with --methods, --targets or --layers; --models stands",
        ),
        (("--models", "i3d,i3d"), "2 to 40 models can be compared, not 1"),
        (("--model", "i3d", "--methods", "gradcam,rose"), "unknown method 'rose'; did you mean rise"),
        (("--model", "i3d", "--targets", "1,2", "--rows", "2"), "No such option: --rows"),
        (
            ("--model", "i3d", "--targets", "1,2", "--format", "html"),
            "--format takes mp4, gif, png, pdf, svg, json, npz, tex, bib, not 'html'",
        ),
        (("--model", "i3d", "--targets", "1,2", "--at", "3,20"), "the clip has no frame 20; it has frames 0 to 19"),
        (("--model", "i3d", "--targets", "1,2", "--scale", "same"), "unknown scale 'same'; did you mean shared?"),
        (("--model", "i3d", "--targets", "1,2", "--samples", "3"), "no method compared here has the option 'samples'"),
    ],
)
def test_what_is_no_comparison_gets_a_line_and_leaves_nothing(arguments, message, run, clip, tmp_path, narrow):
    status, out, err = run("compare", "--clip", clip, *arguments, "--out", tmp_path / "out")
    assert (status, out) == (2, "")
    assert err.startswith(f"videxplain: error: {message}")
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_sheet_for_a_column_of_a_paper(run, clip, tmp_path, narrow):
    look = ("--width", "column", "--font-size", "7", "--at", "3,10,17", "--no-titles", "--font", "serif")
    options = ("--format", "pdf,svg,tex,bib", "--out", tmp_path)
    assert run("gradcam", "--model", "i3d", "--clip", clip, *look, *options)[0] == 0
    stem = tmp_path / "a clip-i3d-gradcam"
    assert pdf_page(stem.with_suffix(".pdf"))[0] == pytest.approx(234)
    # Text, small print, labels of predictions, and the warning of random weights.
    assert sorted(pdf_sizes(stem.with_suffix(".pdf"))) == pytest.approx([5.95, 6.3, 7, 7.35])
    texts = svg_texts(stem.with_suffix(".svg"))
    assert {"frame 3, 0.24 s", "frame 10, 0.80 s", "frame 17, 1.36 s"} <= set(texts)
    assert not any("gradcam" in text for text in texts)
    assert r"Frames 3, 10 and 17 (at 0.24, 0.80 and 1.36\,s)" in stem.with_suffix(".tex").read_text()
    assert stem.with_suffix(".bib").read_text().count("@") == 1


def test_several_frames_in_four_panels(run, clip, tmp_path, narrow):
    options = ("--at", "3,12", "--no-titles", "--width", "page", "--format", "svg,tex,bib", "--out", tmp_path)
    assert run("figure", "--model", "i3d", "--clip", clip, *options)[0] == 0
    stem = tmp_path / "a clip-i3d-figure"
    texts = svg_texts(stem.with_suffix(".svg"))
    assert {"frame 3", "frame 12"} <= set(texts)
    assert "Frames 3 and 12" in stem.with_suffix(".tex").read_text()
    assert stem.with_suffix(".bib").read_text().count("@inproceedings") == 2


@pytest.mark.parametrize(
    ("look", "message"),
    [
        (
            ("--width", "broad"),
            "a width is column, page, or inches or centimetres such as 3.25in or 8.5cm, not 'broad'",
        ),
        (("--font-size", "99"), "the size of text is from 4 to 40 points, not 99.0"),
        (("--font", "DejaVu Snas"), "unknown font 'DejaVu Snas'; did you mean DejaVu Sans"),
        (
            ("--at", "3;5"),
            "frames are numbers from 0 with commas between them, such as 3,10,17, or peaks, not '3;5'",
        ),
        (("--at", "3,20"), "the clip has no frame 20; it has frames 0 to 19"),
        (("--columns", "0"), "columns are from 1 to 100, not 0"),
        (("--at", "1,2,3", "--rows", "1", "--columns", "2"), "3 frames do not fit in 1 x 2 (rows x columns)"),
    ],
)
def test_a_look_that_cannot_be_had_gets_a_line(look, message, run, clip, tmp_path, narrow):
    for command in ("gradcam", "split"):
        status, _, err = run(command, "--model", "i3d", "--clip", clip, *look, "--out", tmp_path / "out")
        assert status == 2
        assert err.startswith(f"videxplain: error: {message}")
        assert not (tmp_path / "out").exists()
