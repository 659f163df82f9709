"""Captions for LaTeX: what they say, and that every character stands for itself."""

import re

import pytest

import videxplain as vx
from tests.attribution.networks import Small3D, seeded
from tests.explanation.clips import planted
from videxplain.attribution.papers import REFERENCES, Reference, references_in, references_of
from videxplain.attribution.registry import METHODS, list_methods
from videxplain.errors import VidexplainError
from videxplain.explanation.latex import caption_text, escaped, listed, references_text
from videxplain.explanation.panels import four_panels_of
from videxplain.explanation.player import player_data_of
from videxplain.viz.layout import peak_frames
from videxplain.viz.video import save_video

LABELS = ("a_b & c", "100 %", "{x} $5 #1", "b", "c")


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "v_Swing~1 #2.mp4"
    save_video(path, planted(12, 2, 9).frames, 12.5)
    return path


@pytest.fixture(scope="module")
def model():
    return vx.wrap(seeded(Small3D), num_frames=4, size=16, labels=LABELS, layer="relu2")


def assert_balanced(text: str):
    """Every brace is closed, and no character that LaTeX would take for a command stands alone."""
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    body = re.sub(r"(?m)^%.*$|%$", "", text)
    body = re.sub(r"\$[^$]*\$", "", body.replace(r"\$", ""))  # mathematics
    assert not re.search(r"(?<!\\)[&#_^$%]", body)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_b & 50 % of #1", r"a\_b \& 50 \% of \#1"),
        ("{x} $5 ~ ^", r"\{x\} \$5 \textasciitilde{} \textasciicircum{}"),
        ("C:\\new", r"C:\textbackslash{}new"),
        ("a < b > c | d", r"a \textless{} b \textgreater{} c \textbar{} d"),
        ("a--b---c", "a-{}-b-{}-{}-c"),
        ("Mänttäri, Grégoire", r"M{\"{a}}ntt{\"{a}}ri, Gr{\'{e}}goire"),
        ("two\nlines\x00", "two lines"),
        ("7 × 7, −1", r"7 $\times$ 7, $-$1"),
        ("跳", "跳"),
    ],
)
def test_every_character_stands_for_itself(text, expected):
    assert escaped(text) == expected


def test_words_as_a_sentence_has_them():
    assert [listed(list("a")), listed(list("ab")), listed(list("abc"))] == ["a", "a and b", "a, b and c"]


def test_a_caption_says_all_that_a_reader_has_to_know(model, video, tmp_path):
    found = vx.explain(model, video, "layercam", target=0, layer="relu1")
    path = found.save(tmp_path / "a.tex", layout=vx.Layout(at=(3, 10)))
    text = path.read_text()
    assert text.startswith(f"% question: {found.question}\n\\caption{{%\n")
    probability = 100 * dict(found.predictions)["a_b & c"]
    for words in (
        r"LayerCAM~\cite{jiang2021layercam}",
        rf"for the class `a\_b \& c' (score: logit, probability {probability:.1f}\,\%)",
        r"in `v\_Swing\textasciitilde{}1 \#2.mp4'",
        r"of the network \texttt{Small3D}",
        r"at layer \texttt{relu1}",
        r"Frames 3 and 10 (at 0.24 and 0.80\,s)",
        f"Colours (inferno) go from 0 to {found.range[1]:.3g} (raw values), for all frames of the clip.",
        r"sees 4 frames, in a row, at 16\,$\times$\,16 pixels",
        f"Made with videxplain {vx.__version__}",
    ):
        assert words in text
    assert_balanced(text)


def test_a_part_of_a_clip_says_from_which_frame_numbers_and_times_count(model, video, tmp_path):
    found = vx.explain(model, vx.read_clip(video, 2, 10), target=0)
    text = found.save(tmp_path / "a.tex", layout=vx.Layout(at=(1, 5))).read_text()
    assert r"Frames 1 and 5 (at 0.08 and 0.40\,s, counted from frame 2 of the clip)" in text
    title = "v_Swing~1 #2.mp4 from frame 2 on: Grad-CAM of Small3D"
    assert title in [words.get_text().removesuffix(" at relu2") for words in found.figure().texts]
    assert player_data_of(found, 1 << 20).meta["title"] == title


def test_frames_where_the_map_is_strongest(model, video, tmp_path):
    """The figure has the frames of the curve's peaks, and says so; so does the caption."""
    found = vx.explain(model, video, target=0)
    with vx.style(width="page"):
        shown = peak_frames(found.temporal, 3)
        figure = found.figure(layout=vx.Layout(at="peaks", columns=3))
    assert shown[0] < shown[-1]
    assert int(found.temporal.argmax()) in shown
    words = [text.get_text() for text in figure.texts]
    assert [text.split(",")[0] for text in words if text.startswith("frame ")] == [f"frame {one}" for one in shown]
    assert "contribution of each frame; frames shown: the highest" in words
    with vx.style(width="page"):
        text = "\n".join(found.caption(layout=vx.Layout(at="peaks", columns=3)))
    assert f"Frames {listed([str(one) for one in shown])} (at " in text
    assert r"\,s, where the map is strongest)" in text
    panels = four_panels_of(model, video, frames="peaks", target=0)
    assert panels.frames == tuple(peak_frames(found.temporal, 4))
    assert "where Grad-CAM is strongest" in panels.figure().texts[0].get_text()
    assert "where the map is strongest" in "\n".join(panels.caption())
    with pytest.raises(VidexplainError, match="frames are numbers, or the word 'peaks', not 'peak'"):
        four_panels_of(model, video, frames="peak")


def test_weights_notes_and_options_are_in_the_caption(video):
    network = vx.load_model("i3d", "none", width=4, num_classes=6, size=(32, 32))
    said = "\n".join(vx.explain(network, video, "rise", samples=4).caption())
    assert "(random weights, untrained)" in said
    assert "with samples = 4" in said
    assert "UNTRAINED network (random weights): this explanation means nothing." in said
    bundled = "\n".join(vx.explain(vx.load_model("c3d"), video).caption(colormap="viridis"))
    digest = vx.load_model("c3d").config.weights_sha256[:12]
    assert rf"\texttt{{c3d.safetensors}}, SHA-256 \texttt{{{digest}}})" in bundled
    assert "Colours (viridis) go from" in bundled


def test_captions_of_all_figures_are_whole(model, video, tmp_path):
    comparison = vx.compare(model, video, methods=["gradcam", "saliency"], target=2)
    text = comparison.save(tmp_path / "comparison.tex").read_text()
    assert "\n  Grad-CAM~\\cite{selvaraju2017gradcam} (" in text
    assert r"All rows: for the class `\{x\} \$5 \#1' (score: logit" in text
    assert "Each row has its own colour scale (inferno, raw values)" in text
    parts = vx.motion_and_appearance(model, video).save(tmp_path / "parts.tex").read_text()
    assert r"Motion~\cite{hiley2020selective,selvaraju2017gradcam}" in parts
    assert "Motion is orange and appearance is blue" in parts
    panels = four_panels_of(model, video, frames=(2, 5)).save(tmp_path / "panels.tex").read_text()
    assert r"Guided Backpropagation~\cite{springenberg2015striving}, in which grey is no contribution." in panels
    assert "guided-backprop looks nearly the same for any class" in panels
    for one in (text, parts, panels):
        assert_balanced(one)


def test_captions_say_nothing_of_charts_that_are_not_drawn(model, video):
    both = vx.compare(model, video, methods=["gradcam", "saliency"], target=2)
    for one in (both, both.explanations[0], vx.motion_and_appearance(model, video)):
        assert "The curve" in " ".join(one.caption())
        assert "urve" not in " ".join(one.caption(layout=vx.Layout(charts=False)))


def test_a_bibliography_has_each_paper_once(model, video, tmp_path):
    comparison = vx.compare(model, video, methods=["gradcam", "guided-gradcam", "smoothgrad"])
    text = comparison.save(tmp_path / "a.bib").read_text()
    assert re.findall(r"^@(\w+)\{(\w+),$", text, re.MULTILINE) == [
        ("inproceedings", "selvaraju2017gradcam"),
        ("misc", "smilkov2017smoothgrad"),
    ]
    assert "  title = {{Grad-CAM:} Visual Explanations from Deep Networks" in text
    assert r"Vi{\'{e}}gas, Fernanda" in text
    assert "  howpublished = {arXiv:1706.03825}," in text
    assert_balanced(text)


@pytest.mark.parametrize("method", list_methods())
def test_every_method_with_a_paper_has_its_reference(method):
    references = references_of(method)
    assert bool(references) == bool(METHODS[method].paper)
    for one in references:
        assert one.authors
        assert one.title
        assert re.fullmatch(r"[a-z]+(19|20)\d\d\w*", one.key)
        assert one.year in METHODS[method].paper
        assert one.authors.split(",")[0] in METHODS[method].paper
    assert_balanced(references_text([method], ""))


def test_no_reference_is_of_no_method():
    papers = " ".join(METHODS[name].paper for name in list_methods())
    assert [words for words in REFERENCES if words not in papers] == []
    assert len({one.key for one in REFERENCES.values()}) == len(REFERENCES)


def test_a_method_from_outside_is_cited_by_its_words():
    assert references_in("Doe & Roe, ICML 2030") == (Reference("doe2030", "", "Doe & Roe, ICML 2030", "", "2030"),)
    assert references_in("") == ()


def test_empty_sentences_are_left_out():
    assert caption_text(["One.", "", "Two."], "abc") == "% question: abc\n\\caption{%\n  One.\n  Two.%\n}\n"
