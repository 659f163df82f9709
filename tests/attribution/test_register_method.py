"""The table of methods: full whatever is imported first, and open to methods from outside."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import videxplain as vx
from tests.attribution.networks import BrightSquares, Small3D, seeded, video
from videxplain.attribution.registry import METHODS
from videxplain.data.clip import Clip

PAGE = Path(__file__).parents[2] / "docs" / "add-a-method.md"


@pytest.fixture(autouse=True)
def table():
    """What a test registers is gone afterwards."""
    before = dict(METHODS.fill())
    yield
    METHODS.fill().clear()
    METHODS.fill().update(before)


@pytest.mark.parametrize(
    "statement",
    [
        "from videxplain.attribution.registry import list_methods",
        "from videxplain.attribution.methods import list_methods",
        "import videxplain.attribution.methods.saliency; from videxplain.attribution.registry import list_methods",
        "from videxplain import list_methods",
    ],
)
def test_the_table_is_full_whatever_is_imported_first(statement):
    code = f"{statement}\nnames = list_methods()\nprint(len(names), *names[:3])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["33", "gradcam", "gradcam++", "hirescam"]


def test_a_method_from_outside_comes_after_ours_in_a_fresh_process():
    code = """
import videxplain as vx
@vx.register_method("mine", family="cam", summary="mine")
def mine(p): ...
print(vx.list_methods().index("gradcam"), len(vx.list_methods()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "34"]


def test_the_example_of_the_page_runs():
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(code.splitlines()) < 30
    names = {}
    exec(code, names)
    assert names["heat"].shape == (1, 16, 112, 112)
    # By hand, on a small network: the positive gradients, averaged.
    module, x = seeded(Small3D), video(2, 3, 4, 8, 8)
    found = vx.attribute(module, x, method="positive-gradcam", target=2, layer="relu2", enlarge=False, power=2.0)
    with vx.capture(module, ["relu2"]) as seen:
        logits = module(x)
    weights = seen.gradients(logits[:, 2])["relu2"].relu().mean((2, 3, 4), keepdim=True)
    expected = (weights * seen["relu2"].activations).sum(1).relu() ** 2
    assert expected.max() > 0
    torch.testing.assert_close(found, expected)
    with pytest.raises(vx.VidexplainError, match=r"^positive-gradcam: power is a number from 0.1 to 4, not 9$"):
        vx.attribute(module, x, method="positive-gradcam", power=9)


def test_a_registered_method_explains_a_clip():
    @vx.register_method("brightness", family="perturbation", summary="the clip itself")
    def brightness(p: vx.Pass) -> vx.Attribution:
        return vx.Attribution(p.logits(p.x).detach(), p.x.mean(1)[None])

    frames = torch.zeros(12, 32, 32, 3, dtype=torch.uint8).numpy()
    frames[5, 8:16, 8:16] = 255
    found = vx.explain(BrightSquares(8, 32, "consecutive"), Clip(frames, fps=25.0), method="brightness", target=1)
    assert found.origin.method == "brightness"
    assert found.temporal.argmax() == 5


def test_a_name_is_taken_once():
    with pytest.raises(vx.VidexplainError, match=r"^method 'gradcam' is registered twice; choose another name$"):

        @vx.register_method("gradcam", family="cam", summary="another")
        def another(p: vx.Pass) -> vx.Attribution: ...

    assert METHODS["gradcam"].paper == "Selvaraju et al., ICCV 2017"


def test_a_method_that_has_no_layer_is_told_so():
    @vx.register_method("careless", family="cam", summary="forgets layer=")
    def careless(p: vx.Pass) -> vx.Attribution:
        with p.trace():
            raise AssertionError

    with pytest.raises(vx.VidexplainError, match="register the method with layer='last' or layer='first'"):
        vx.attribute(seeded(Small3D), video(1, 3, 4, 8, 8), method="careless")
