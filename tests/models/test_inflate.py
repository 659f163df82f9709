import pytest
import torch
from torch import nn

from videxplain.errors import VidexplainError
from videxplain.models.networks.blocks import ResNet2d
from videxplain.models.networks.i3d import I3D
from videxplain.models.networks.inflate import inflate_kernel, inflate_state_dict
from videxplain.models.networks.initialise import initialise
from videxplain.models.networks.non_local import NonLocalI3D


def image_network(depth: int) -> ResNet2d:
    torch.manual_seed(depth)
    network = ResNet2d(depth, width=8).eval()
    initialise(network)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.mul_(torch.empty_like(module.weight).uniform_(0.5, 1.5))
            nn.init.uniform_(module.bias, -0.2, 0.2)
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    return network


def last_stage(network: nn.Module, x: torch.Tensor) -> torch.Tensor:
    seen: list[torch.Tensor] = []
    hook = network.layer4.register_forward_hook(lambda m, i, out: seen.append(out))
    with torch.no_grad():
        network(x)
    hook.remove()
    return seen[0]


def test_a_kernel_is_repeated_and_divided():
    kernel = torch.arange(4.0).reshape(1, 1, 2, 2)
    assert inflate_kernel(kernel, 4).tolist() == [[[[[0, 0.25], [0.5, 0.75]]] * 4]]


# How far the zeros before the first frame reach, in steps of the last stage: the first convolution spoils 1 step, each
# of the 3 or 2 blocks of the first stage one more; pooling by 2 halves that; then one for each inflated block.
@pytest.mark.parametrize(("depth", "frames", "border"), [(50, 160, 8), (18, 96, 5)])
def test_a_repeated_frame_gives_the_image_networks_features(depth, frames, border):
    image = image_network(depth)
    video = I3D(3, depth=depth, width=8).eval()
    video.load_state_dict(inflate_state_dict(image.state_dict(), video), strict=False)
    frame = torch.randn(1, 3, 32, 32)
    expected = last_stage(image, frame)
    got = last_stage(video, frame.unsqueeze(2).expand(-1, -1, frames, -1, -1))
    steps = frames // 8
    assert got.shape[2] == steps > 2 * border
    scale = float(expected.abs().max())
    for t in range(border, steps - border):
        torch.testing.assert_close(got[:, :, t] / scale, expected / scale, rtol=0, atol=1e-5)
    # At the borders zeros come in, so that agreement there would mean that nothing had been inflated.
    assert (got[:, :, 0] - expected).abs().max() / scale > 1e-2


def test_non_local_blocks_keep_their_own_weights():
    image = image_network(50)
    video = NonLocalI3D(3, width=8)
    inflated = inflate_state_dict(image.state_dict(), video)
    assert inflated.keys() == image.state_dict().keys()
    missing = video.load_state_dict(inflated, strict=False).missing_keys
    assert {name.split(".")[1] for name in missing if name.startswith("layer")} == {"nl1", "nl3", "nl5"}
    assert [name for name in missing if not name.startswith("layer")] == ["fc.weight", "fc.bias"]


def test_a_classifier_is_taken_only_for_as_many_classes():
    video = I3D(3, depth=18, width=2)
    fits = {"fc.weight": torch.ones(3, 16), "fc.bias": torch.ones(3)}
    other = {"fc.weight": torch.ones(5, 16), "fc.bias": torch.ones(5)}
    assert inflate_state_dict(fits, video).keys() == fits.keys()
    assert inflate_state_dict(other, video) == {}


def test_networks_that_are_no_twins_are_refused():
    video = I3D(3, depth=18, width=8)
    with pytest.raises(
        VidexplainError, match=r"'conv1.weight' \(4, 3, 7, 7\): the video network has \(8, 3, 5, 7, 7\)"
    ):
        inflate_state_dict({"conv1.weight": torch.zeros(4, 3, 7, 7)}, video)
    with pytest.raises(VidexplainError, match=r"'layer9.weight' .*has no such entry"):
        inflate_state_dict({"layer9.weight": torch.zeros(1)}, video)


def test_the_result_is_a_copy():
    image = image_network(18)
    video = I3D(3, depth=18, width=8)
    inflated = inflate_state_dict(image.state_dict(), video)
    inflated["bn1.weight"].zero_()
    assert image.bn1.weight.min() > 0
