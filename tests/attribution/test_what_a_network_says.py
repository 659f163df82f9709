"""What a network raises or returns that is no answer is said in one line, in its own words."""

import pytest
import torch
from torch import Tensor, nn

import videxplain as vx
from tests.attribution.networks import Small3D, seeded, video
from tests.device import placed


class Says(nn.Module):
    """A network whose logits go through ``end``."""

    def __init__(self, end) -> None:
        super().__init__()
        self.network, self.end = seeded(Small3D), end

    def forward(self, x: Tensor) -> Tensor:
        return self.end(self.network(x))


class OnlyByName(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.network = seeded(Small3D)

    def forward(self, *, clip: Tensor) -> Tensor:
        return self.network(clip)


class TwoInputs(OnlyByName):
    def forward(self, clip: Tensor, mask: Tensor) -> Tensor:
        return self.network(clip * mask)


class FlatForOtherSizes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv3d(3, 2, 3, padding=1), nn.Linear(2 * 4 * 9 * 9, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv(x).flatten(1))


def raises(logits: Tensor) -> Tensor:
    raise KeyError("what a dictionary lacks")


RAISING = {
    "by name": (OnlyByName, r"raised TypeError in a pass: OnlyByName.forward\(\) takes 1 positional argument"),
    "two inputs": (TwoInputs, r"raised TypeError in a pass: .* missing 1 required positional argument: 'mask'$"),
    "other size": (FlatForOtherSizes, r"raised RuntimeError in a pass: mat1 and mat2 shapes cannot be multiplied"),
    "anything": (lambda: Says(raises), r"raised KeyError in a pass: 'what a dictionary lacks'$"),
}


@pytest.mark.parametrize("method", ["gradcam", "saliency", "rise", "lrp"])
@pytest.mark.parametrize("case", RAISING)
def test_what_a_network_raises_is_one_line(case: str, method: str) -> None:
    build, words = RAISING[case]
    with pytest.raises(vx.VidexplainError, match=words) as refusal:
        vx.attribute(placed(build()).eval(), video(1, 3, 4, 8, 8), method=method, target=0)
    assert refusal.value.__cause__ is not None  # where it was raised is still to be seen


def test_a_long_sentence_ends_with_a_word() -> None:
    def long(logits: Tensor) -> Tensor:
        raise ValueError("some words " * 60 + ". And more")

    with pytest.raises(vx.VidexplainError, match=r"in a pass: some words .* (some|words) \.\.\.$") as refusal:
        vx.attribute(Says(long), video(1, 3, 4, 8, 8), method="saliency", target=0)
    assert len(str(refusal.value)) < 260


@pytest.mark.parametrize("method", ["gradcam", "saliency", "frame-occlusion"])
@pytest.mark.parametrize(
    ("end", "words"),
    [
        (lambda logits: logits.argmax(1, keepdim=True), "int64"),
        (lambda logits: logits > 0, "bool"),
        (torch.fft.fft, "complex64"),
        (lambda logits: logits[:, :0], "none"),
    ],
)
def test_what_is_no_real_number_is_no_logit(end, words: str, method: str) -> None:
    with pytest.raises(vx.VidexplainError, match=f"logits, which are real numbers, and it returned {words}$"):
        vx.attribute(Says(end), video(1, 3, 4, 8, 8), method=method, target=0)


def test_a_sparse_clip_is_one_line() -> None:
    with pytest.raises(vx.VidexplainError, match=r"the input is sparse: give x\.to_dense\(\)"):
        vx.attribute(seeded(Small3D), video(1, 3, 4, 8, 8).to_sparse(), method="saliency", target=0)


def test_a_network_for_two_clips_explains_two() -> None:
    class Two(OnlyByName):
        def forward(self, x: Tensor) -> Tensor:
            assert len(x) == 2, "two clips, please"
            return self.network(x)

    x, network = video(2, 3, 4, 8, 8), placed(Two())
    found = vx.attribute(network, x, method="saliency", target=1)
    torch.testing.assert_close(found, vx.attribute(network.network, x, method="saliency", target=1))
    with pytest.raises(vx.VidexplainError, match="AssertionError in a pass: two clips, please"):
        vx.attribute(network, x[:1], method="saliency", target=1)
