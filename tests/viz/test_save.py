import re
import zlib

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from videxplain.errors import VidexplainError
from videxplain.files import replacing
from videxplain.viz.save import save_figure


def figure():
    figure = Figure(figsize=(2, 1))
    figure.text(0.1, 0.5, "label")
    return figure


def test_replaces_only_when_complete(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == tmp_path
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_error_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def interrupted():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_folder_is_checked_before_the_work(tmp_path, monkeypatch):
    with pytest.raises(VidexplainError, match="it is a folder"), replacing(tmp_path):
        pytest.fail("the block ran")
    with pytest.raises(VidexplainError, match="does not exist"), replacing(tmp_path / "no" / "a.png"):
        pytest.fail("the block ran")

    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(VidexplainError, match=r"a\.png: Permission denied$"), replacing(tmp_path / "a.png"):
        pytest.fail("the block ran")


def test_png_has_the_size_asked_for(tmp_path):
    save_figure(figure(), tmp_path / "a.png", dpi=100)
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (200, 100)
        assert np.asarray(image.convert("L")).min() < 100


def test_pdf_embeds_truetype(tmp_path):
    save_figure(figure(), tmp_path / "a.pdf")
    data = (tmp_path / "a.pdf").read_bytes()
    assert data.startswith(b"%PDF")
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL)
    opened = b"".join(zlib.decompressobj().decompress(one) for one in streams if one[:1] == b"x")
    assert b"/FontFile2" in data + opened
    assert b"/Type3" not in data + opened


def test_svg(tmp_path):
    save_figure(figure(), tmp_path / "a.SVG")
    assert b"<svg" in (tmp_path / "a.SVG").read_bytes()


def test_other_suffixes(tmp_path):
    with pytest.raises(VidexplainError, match=r"'a\.bmp': the name must end in \.png, \.pdf, \.svg"):
        save_figure(figure(), tmp_path / "a.bmp")
    assert not list(tmp_path.iterdir())
