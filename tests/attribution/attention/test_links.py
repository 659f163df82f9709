"""Where one place looks: against a literal loop, and where the answer is set by hand."""

import json

import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle
from torch import nn

from tests.attribution.left_behind import in_use, state
from tests.attribution.networks import seeded, video
from tests.device import placed
from tests.small_models import huggingface
from videxplain import attention, load_model
from videxplain.attribution.attention.links import blocks_of, find_links
from videxplain.data.clip import Clip
from videxplain.errors import VidexplainError
from videxplain.explanation.api import UNTRAINED_NOTE
from videxplain.explanation.attention import EVEN_NOTE
from videxplain.explanation.attention_result import Attention
from videxplain.models.config import ModelConfig, View
from videxplain.models.networks.non_local import NonLocal


class OneBlock(nn.Module):
    """A non-local block on the pixels themselves, and the mean over them."""

    def __init__(self, mode="embedded_gaussian", caffe2=False):
        super().__init__()
        self.block = NonLocal(4, mode, caffe2)
        self.config = ModelConfig(
            "one_block", 4, 4, (6, 7), "consecutive", "block", "block.g", mean=(0,) * 3, std=(1,) * 3
        )

    def forward(self, x):
        x = torch.cat([x, x.mean(1, keepdim=True)], 1)
        return self.block(x).mean((2, 3, 4))


@pytest.mark.parametrize("mode", ["embedded_gaussian", "gaussian", "dot_product"])
def test_equals_a_loop_over_places(mode):
    module, x = seeded(lambda: OneBlock(mode)), video(1, 3, 4, 6, 7)
    found = find_links(module, x, (0.6, 0.4, 0.9))
    assert found.block == "block"
    assert found.grid == (4, 6, 7)
    assert found.query == (2, 2, 6)
    block, inputs = module.block, torch.cat([x, x.mean(1, keepdim=True)], 1)
    with torch.no_grad():
        theta = inputs if block.theta is None else block.theta(inputs)
        phi = inputs if block.phi is None else block.phi(inputs)
    expected = torch.zeros(4, 3, 4)
    for t in range(4):
        for row in range(3):
            for column in range(4):
                cell = phi[0, :, t, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].flatten(1).amax(1)
                expected[t, row, column] = float(theta[0, :, 2, 2, 6] @ cell)
    expected = expected / expected.numel() if mode == "dot_product" else expected.flatten().softmax(0).view(4, 3, 4)
    torch.testing.assert_close(found.weights, expected)


def marked_clip():
    """One bright square of 2x2 pixels in frame 3; everything else is dark."""
    frames = np.zeros((4, 6, 7, 3), np.uint8)
    frames[3, 2:4, 4:6] = 255
    return Clip(frames, fps=10)


def looks_at_what_is_bright():
    module = OneBlock("embedded_gaussian").eval()
    with torch.no_grad():
        for convolution, weight, bias in ((module.block.theta, 0.0, 1.0), (module.block.phi, 30.0, 0.0)):
            convolution.weight.fill_(weight / 4)
            convolution.bias.fill_(bias)
    return module


def test_the_arrow_ends_where_the_block_was_made_to_look():
    found = attention(looks_at_what_is_bright(), marked_clip(), frame=1, at=(1, 5), top=3)
    best = found.links[0]
    assert (best.frame, best.x, best.y) == (3, 5.0, 3.0)
    assert best.weight > 0.99
    assert found.share > 0.99
    assert found.even == pytest.approx(3 / (4 * 3 * 4))
    drawn = found.figure()
    heads = [patch for patch in drawn.axes[-1].patches if hasattr(patch, "get_arrowstyle")]
    start, end = heads[-1]._posA_posB
    pictures = [axes for axes in drawn.axes if axes.images]
    for (x, y), frame, at in ((start, 1, (1, 5)), (end, 3, (5, 3))):
        box = pictures[frame].get_position()
        inches = drawn.get_size_inches()
        assert x == pytest.approx((box.x0 + at[0] / 7 * box.width) * inches[0])
        assert y == pytest.approx((1 - box.y1 + at[1] / 6 * box.height) * inches[1])


def test_points_and_links_of_a_cropped_network_are_pixels_of_the_clip(tmp_path):
    module = looks_at_what_is_bright()
    module.config = module.config.replace(view=View((10, 13), (6, 7)))
    frames = np.full((4, 10, 13, 3), 255, np.uint8)
    frames[:, 2:8, 3:10] = marked_clip().frames
    found = attention(module, Clip(frames), frame=1, at=(4, 7), top=3)
    assert (found.links[0].frame, found.links[0].x, found.links[0].y) == (3, 8.0, 5.0)
    assert (found.at, found.view_box) == ((4.0, 7.0), (2.0, 3.0, 8.0, 10.0))
    assert attention(module, Clip(frames), frame=3).at == (7.5, 4.5)
    assert "the network saw the middle 7x6 of 13x10 pixels" in "".join(text.get_text() for text in found.figure().texts)
    assert Attention.load(found.save(tmp_path / "a.json"), clip=Clip(frames)).view_box == found.view_box
    with pytest.raises(VidexplainError, match="does not see the point 2,5: it sees x from 3 to 9 and y from 2 to 7"):
        attention(module, Clip(frames), frame=1, at=(2, 5))


def test_an_odd_last_column_is_a_cell_of_its_own():
    clip = np.zeros((4, 6, 7, 3), np.uint8)
    clip[0, 4:, 6] = 255
    best = attention(looks_at_what_is_bright(), Clip(clip), frame=2, at=(3, 3)).links[0]
    assert (best.frame, best.x, best.y) == (0, 6.5, 5.0)


class Mirrored(OneBlock):
    def forward(self, x):
        return super().forward(x.flip(-1))


def test_links_of_a_mirrored_clip_are_refused():
    with pytest.raises(VidexplainError, match="block 'block': its places do not follow the clip along the width"):
        find_links(seeded(Mirrored), video(1, 3, 4, 6, 7), (0.6, 0.4, 0.9))


class HalfAsManySteps(OneBlock):
    """Two frames make a step."""

    def forward(self, x):
        return super().forward(x[:, :, ::2])


@pytest.mark.parametrize(("frame", "step", "shown"), [(0, 0, (0, 3)), (1, 0, (1, 3)), (2, 1, (1, 2)), (3, 1, (1, 3))])
def test_the_point_is_drawn_in_its_own_frame_and_step(frame, step, shown):
    found = attention(seeded(HalfAsManySteps), marked_clip(), frame=frame, at=(1, 5), top=1)
    assert (found.step, found.shown) == (step, shown)
    assert (found.frames == marked_clip().frames[list(shown)]).all()
    drawn = found.figure()
    (outline,) = (patch for patch in drawn.axes[-1].patches if isinstance(patch, Rectangle))
    box = [axes for axes in drawn.axes if axes.images][step].get_position()
    width, height = drawn.get_size_inches()
    assert outline.get_xy() == pytest.approx((box.x0 * width, (1 - box.y1) * height))
    assert [text.get_text() for text in drawn.texts if text.get_text().endswith(": the point")] == [
        f"frame {frame}, {frame / 10:.2f} s: the point"
    ]


def test_without_a_point_it_is_where_grad_cam_has_most():
    module = looks_at_what_is_bright()  # of which the block's answer is its input
    found = attention(module, marked_clip(), frame=3)
    assert (found.at, found.chosen) == ((4.5, 2.5), "where Grad-CAM is strongest in this frame")
    dark = attention(module, marked_clip(), frame=0)
    assert (dark.at, dark.chosen) == ((3.5, 3.0), "the centre, as Grad-CAM has nothing in this frame")


def test_a_point_without_preference_is_said():
    module = looks_at_what_is_bright()
    assert attention(module, marked_clip(), frame=1, at=(1, 5)).notes == (UNTRAINED_NOTE,)
    nn.init.zeros_(module.block.phi.weight)
    found = attention(module, marked_clip(), frame=1, at=(1, 5), top=12)
    assert found.notes == (UNTRAINED_NOTE, EVEN_NOTE)
    assert found.caption == (
        "the 12 strongest of 48 links hold 25.0 % of all weight, the first 2.1 %; "
        "under uniform attention they would hold 25.0 % and 2.1 %"
    )


def test_what_a_dot_product_takes_away_is_chosen_by_size():
    module = seeded(lambda: OneBlock("dot_product"))
    nn.init.constant_(module.block.theta.weight, 0.0)
    nn.init.constant_(module.block.theta.bias, -1.0)
    nn.init.constant_(module.block.phi.weight, 0.25)
    nn.init.constant_(module.block.phi.bias, 0.0)
    found = attention(module, marked_clip(), frame=1, at=(1, 5), top=4)
    # Two inner channels; bright pixels are 1 in all four channels, others 0, and there are 48 places to look at.
    assert found.links[0].weight == pytest.approx(-2 / 48)
    assert (found.links[0].frame, found.share) == (3, pytest.approx(1))
    assert found.caption.endswith("; blue: taken away")


def test_files(tmp_path):
    found = attention(looks_at_what_is_bright(), marked_clip(), frame=1, at=(1, 5), top=2)
    found.save(tmp_path / "a.json")
    kept = json.loads((tmp_path / "a.json").read_text())
    assert kept["block"] == "block"
    assert kept["links"][0]["frame"] == 3
    assert len(kept["links"]) == 2
    assert (kept["grid"], kept["shown_frames"], kept["step"], kept["chosen"]) == (
        [4, 3, 4],
        [0, 1, 2, 3],
        1,
        "as given",
    )
    np.testing.assert_array_equal(np.float32(kept["every_weight"]), found.weights)
    found.save(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 10_000
    with pytest.raises(VidexplainError, match=r"must end in .png, .pdf, .svg, .json"):
        found.save(tmp_path / "a.mp4")


def test_the_bundled_network_has_blocks_and_others_are_refused():
    network = load_model("non_local")
    assert blocks_of(network) == ["layer2.nl1", "layer3.nl1"]
    x = torch.zeros(1, 3, 16, *network.config.size)
    with pytest.raises(VidexplainError, match=r"unknown non-local block 'layer3.nl2'; did you mean layer3.nl1"):
        find_links(network, x, (0, 0, 0), "layer3.nl2")
    with pytest.raises(VidexplainError, match="no non-local blocks and no attention"):
        find_links(load_model("i3d"), x, (0, 0, 0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"frame": 4}, "frame 4 does not exist; the clip has frames 0 to 3"),
        ({"at": (7, 0)}, "the point 7,0 lies outside of the picture, which is 7x6"),
        ({"at": (3,)}, r"at is the x and y of a point, not \(3,\)"),
        ({"top": 0}, "top is a number of links, at least 1, not 0"),
    ],
)
def test_what_is_not_there_is_said(arguments, message):
    with pytest.raises(VidexplainError, match=message):
        attention(looks_at_what_is_bright(), marked_clip(), **arguments)


class OneAttention(nn.Module):
    """Tokens of 2 frames x 2x2 patches x 2x2 pixels, a class token, and one layer of attention."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv3d(3, 8, 2, 2)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.norm = nn.LayerNorm(8)
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        x = torch.cat([self.token.expand(len(x), -1, -1), self.embed(x).flatten(2).transpose(1, 2)], 1)
        x = self.norm(x)
        self.seen = (x @ x.transpose(1, 2)).softmax(-1)
        return self.fc((self.seen @ x)[:, 0])


def test_attention_of_a_transformer_is_its_row():
    module, x = seeded(OneAttention), video(1, 3, 4, 4, 4)
    found = find_links(module, x, (0.6, 0.0, 0.9), "0")
    module(x)  # its attribute is as it was before the call above
    assert (found.block, found.grid, found.query) == ("attention 0", (2, 2, 2), (1, 0, 1))
    torch.testing.assert_close(found.weights.flatten(), module.seen.detach()[0, 1 + 5, 1:].cpu())
    with pytest.raises(VidexplainError, match="numbered 0 to 0, and there is no 'last'"):
        find_links(module, x, (0, 0, 0), "last")


@pytest.mark.parametrize(("name", "prefix"), [("videomae", 0), ("vivit", 1)])
def test_attention_of_hugging_face_is_what_it_hands_out(name, prefix, tmp_path):
    pytest.importorskip("transformers")
    network, x = huggingface(name, tmp_path), video(1, 3, 4, 24, 24)
    with torch.no_grad():
        network.module.set_attn_implementation("eager")
        handed = network.module(**network._prepare(x), output_attentions=True).attentions
        network.module.set_attn_implementation("sdpa")
    for layer, expected in enumerate(handed):
        found = find_links(network, x, (0.9, 0.4, 0.1), str(layer))
        assert (found.grid, found.query) == ((2, 3, 3), (1, 1, 0))
        row = expected[0].mean(0)[prefix + 9 + 3 + 0, prefix:]
        torch.testing.assert_close(found.weights.flatten(), row.cpu())
        assert row.std() > 1e-4  # an even row would be equal wherever it is read


@pytest.mark.parametrize("raises", [False, True])
def test_the_network_is_left_as_it_was_found(raises):
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.other = OneBlock(), in_use()

        def forward(self, x):
            return self.one(x).sum() + self.other(x)

    module, x = placed(Both()), video(1, 3, 8, 16, 16)
    module.other.trouble.raises = raises
    before = state(module)
    if raises:
        with pytest.raises(VidexplainError, match="raised ZeroDivisionError in a pass"):
            find_links(module, x, (0, 0, 0))
    else:
        find_links(module, x, (0, 0, 0))
    assert state(module) == before
