import pytest
import torch
from torch import nn

from videxplain.errors import VidexplainError
from videxplain.models.networks.c3d import C3D
from videxplain.models.networks.i3d_inception import InceptionI3D, SamePool, Unit
from videxplain.models.networks.late_fusion import LateFusion
from videxplain.models.networks.lrcn import LRCN
from videxplain.models.networks.non_local import Affinity, NonLocal, NonLocalI3D
from videxplain.models.zoo import list_models, load_model

NARROW = {"width": 4, "num_classes": 3, "size": 32}
SMALL = {
    "late_fusion": {**NARROW, "depth": 18},
    "lrcn": {**NARROW, "depth": 18, "latent": 8, "hidden": 8},
    "c3d": NARROW,
    "i3d": NARROW,
    "i3d_inception": {**NARROW, "width": 8},
    "non_local": NARROW,
}


def randomise(network: nn.Module, seed: int = 0) -> None:
    """Statistics and scales as a trained network might have them."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            for values, low, high in (
                (module.weight.data, 0.5, 1.0),
                (module.bias.data, -0.2, 0.2),
                (module.running_mean, -0.2, 0.2),
                (module.running_var, 0.5, 1.5),
            ):
                values.uniform_(low, high, generator=generator)


def videos(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", SMALL)
def test_batches_are_answered_sample_by_sample(name):
    model = load_model(name, "none", **SMALL[name])
    x = videos(3, 3, model.config.num_frames, 32, 32)
    with torch.no_grad():
        together = model(x)
        apart = torch.cat([model(x[i : i + 1]) for i in range(3)])
    assert together.shape == (3, 3)
    assert together.std(dim=0).min() > 1e-4
    torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-5)


def test_every_model_is_covered_here():
    assert list(SMALL) == list_models()


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(
    "wrong",
    [(3, 16, 32, 32), (1, 16, 3, 32, 32), (1, 1, 16, 32, 32), (1, 3, 0, 32, 32)],
    ids=["no batch", "time first", "grey", "no frames"],
)
def test_a_wrong_shape_is_one_line(name, wrong):
    model = load_model(name, "none", **SMALL[name])
    with pytest.raises(VidexplainError) as raised:
        model(torch.zeros(wrong))
    assert str(raised.value).startswith("the network takes float videos (N, 3, T, H, W)")
    assert str(wrong) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_bytes_are_no_video():
    model = load_model("late_fusion", "none", **SMALL["late_fusion"])
    with pytest.raises(VidexplainError, match=r"float videos.*given uint8"):
        model(torch.zeros(1, 3, 5, 32, 32, dtype=torch.uint8))


def test_c3d_with_batch_normalisation_is_c3d_once_that_is_folded_into_its_kernels():
    normalised, plain = (load_model("c3d", "none", batch_norm=flag, **NARROW) for flag in (True, False))
    randomise(normalised)
    state = normalised.state_dict()
    folded = {name: value for name, value in state.items() if not name.startswith("bn")}
    for name in ("1a", "2a", "3a", "3b", "4a", "4b", "5a", "5b"):
        scale = state[f"bn{name}.weight"] / (state[f"bn{name}.running_var"] + 1e-5).sqrt()
        folded[f"conv{name}.weight"] = state[f"conv{name}.weight"] * scale.view(-1, 1, 1, 1, 1)
        shift = state[f"conv{name}.bias"] - state[f"bn{name}.running_mean"]
        folded[f"conv{name}.bias"] = shift * scale + state[f"bn{name}.bias"]
    plain.load_state_dict(folded)
    x = videos(2, 3, 16, 32, 32)
    with torch.no_grad():
        assert normalised(x).std() > 0.01
        torch.testing.assert_close(normalised(x), plain(x), rtol=1e-4, atol=1e-5)


def test_c3d_says_the_length_and_the_size_that_it_was_built_for():
    model = C3D(3, 16, (32, 48), width=2).eval()
    assert model(torch.zeros(1, 3, 16, 32, 48)).shape == (1, 3)
    for shape in [(1, 3, 16, 48, 32), (1, 3, 8, 32, 48)]:
        with pytest.raises(VidexplainError, match="T = 16, H x W = 32 x 48"):
            model(torch.zeros(shape))


@pytest.mark.parametrize(("frames", "size"), [(1, (17, 33)), (5, (40, 100)), (16, (112, 112)), (33, (16, 15))])
def test_c3d_fits_its_first_full_layer_to_any_input(frames, size):
    model = C3D(2, frames, size, width=2).eval()
    assert model(torch.zeros(1, 3, frames, *size)).shape == (1, 2)


@pytest.mark.parametrize(("strides", "least"), [((2, 2, 2), 5), ((1, 1, 2), 2), ((1, 1, 1), 1)])
def test_i3d_takes_no_fewer_frames_than_it_pools(strides, least):
    model = load_model("i3d", "none", **NARROW, time_strides=strides)
    assert model(torch.zeros(1, 3, least, 32, 32)).shape == (1, 3)
    with pytest.raises(VidexplainError, match=f"T at least {least}"):
        model(torch.zeros(1, 3, least - 1, 32, 32))


# The order of frames


def test_late_fusion_forgets_the_order_of_frames():
    model = load_model("late_fusion", "none", **SMALL["late_fusion"])
    x = videos(2, 3, 5, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(model(x), model(x[:, :, [3, 0, 4, 2, 1]]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_lrcn_heeds_the_order_of_frames(bidirectional):
    model = load_model("lrcn", "none", **SMALL["lrcn"], bidirectional=bidirectional)
    x = videos(2, 3, 5, 32, 32)
    with torch.no_grad():
        assert (model(x) - model(x[:, :, [3, 0, 4, 2, 1]])).abs().max() > 1e-3


@pytest.mark.parametrize("latent", [None, 6])
def test_late_fusion_is_the_mean_over_frames_alone(latent):
    model = LateFusion(3, depth=18, width=4, latent=latent).eval()
    randomise(model)
    x = videos(2, 3, 4, 32, 32)
    with torch.no_grad():
        features = torch.stack([model.latent(model.trunk(x[:, :, t])) for t in range(4)])
        torch.testing.assert_close(model(x), model.fc(features.mean(0)), rtol=1e-5, atol=1e-5)


def test_lrcn_can_average_the_scores_of_all_frames():
    options = {"depth": 18, "width": 4, "latent": 6, "hidden": 5}
    last, mean = LRCN(3, **options).eval(), LRCN(3, **options, readout="mean").eval()
    mean.load_state_dict(last.state_dict())
    x = torch.randn(2, 3, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        # The state after a frame is the last state of the clip that ends there.
        each = torch.stack([last(x[:, :, : frames + 1]) for frames in range(4)])
        assert torch.allclose(mean(x), each.mean(0), atol=1e-6)


def test_lrcn_has_two_ways_to_read_its_states():
    with pytest.raises(VidexplainError, match="unknown readout 'first'; known: last, mean"):
        load_model("lrcn", "none", **SMALL["lrcn"], readout="first")


def test_lrcn_classifies_the_last_forward_and_the_first_backward_state():
    model = LRCN(3, depth=18, width=4, latent=6, hidden=5, layers=2, bidirectional=True).eval()
    x = videos(2, 3, 4, 32, 32)
    with torch.no_grad():
        features = torch.stack([model.latent(model.trunk(x[:, :, t])) for t in range(4)], dim=1)
        steps, _ = model.lstm(features)
        expected = model.fc(torch.cat([steps[:, -1, :5], steps[:, 0, 5:]], dim=1))
        torch.testing.assert_close(model(x), expected, rtol=1e-5, atol=1e-5)


# Non-local blocks


def oracle(block: NonLocal, x: torch.Tensor, mode: str) -> torch.Tensor:
    """Equation 6 place by place, for one sample ``(C, T, H, W)`` with even H and W."""

    def embedded(convolution: nn.Conv3d | None) -> torch.Tensor:
        if convolution is None:
            return x
        weight = convolution.weight[:, :, 0, 0, 0]
        return torch.einsum("oc,cthw->othw", weight, x) + convolution.bias[:, None, None, None]

    def pooled(y: torch.Tensor) -> torch.Tensor:
        corners = [y[:, :, a::2, b::2] for a in (0, 1) for b in (0, 1)]
        return torch.stack(corners).amax(0).flatten(1)

    theta, phi, g = embedded(block.theta).flatten(1), pooled(embedded(block.phi)), pooled(embedded(block.g))
    y = torch.zeros(g.shape[0], theta.shape[1])
    for i in range(theta.shape[1]):
        scores = torch.stack([theta[:, i] @ phi[:, j] for j in range(phi.shape[1])])
        f = scores if mode == "dot_product" else scores.exp()
        normaliser = phi.shape[1] if mode == "dot_product" else f.sum()
        y[:, i] = (f[None] * g).sum(1) / normaliser
    z = block.w_z.weight[:, :, 0, 0, 0] @ y
    norm = block.bn_z
    z = (z - norm.running_mean[:, None]) / (norm.running_var[:, None] + norm.eps).sqrt()
    return x + (z * norm.weight[:, None] + norm.bias[:, None]).reshape(x.shape)


@pytest.mark.parametrize("mode", ["embedded_gaussian", "gaussian", "dot_product"])
def test_a_non_local_block_is_equation_6(mode):
    torch.manual_seed(0)
    block = NonLocal(6, mode).eval()
    randomise(block)
    x = videos(2, 6, 2, 4, 2)
    with torch.no_grad():
        expected = torch.stack([oracle(block, sample, mode) for sample in x])
        assert (expected - x).abs().max() > 0.1
        torch.testing.assert_close(block(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", ["embedded_gaussian", "gaussian", "dot_product"])
def test_a_new_non_local_block_changes_nothing(mode):
    block = NonLocal(6, mode).eval()
    x = videos(1, 6, 2, 3, 5)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize("mode", ["embedded_gaussian", "gaussian"])
def test_the_affinity_of_a_place_sums_to_one(mode):
    model = load_model("non_local", "none", **NARROW, mode=mode)
    seen = {}
    for name, module in model.named_modules():
        if isinstance(module, Affinity):
            module.register_forward_hook(lambda m, i, out, name=name: seen.update({name: out}))
    with torch.no_grad():
        model(videos(1, 3, 16, 32, 32))
    assert list(seen) == [
        f"{block}.affinity" for block in ("layer2.nl1", "layer2.nl3", "layer3.nl1", "layer3.nl3", "layer3.nl5")
    ]
    # 16 frames and 32 pixels become 2 and 4x4 in the second stage, 2 and 2x2 in the third.
    assert seen["layer2.nl1.affinity"].shape == (1, 2 * 4 * 4, 2 * 2 * 2)
    assert seen["layer3.nl5.affinity"].shape == (1, 2 * 2 * 2, 2)
    for affinity in seen.values():
        torch.testing.assert_close(affinity.sum(-1), torch.ones(affinity.shape[:2]))
        assert affinity.std() > 0


def test_the_dot_product_is_divided_by_the_number_of_places():
    theta, phi = torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[3.0, 4.0], [5.0, 6.0]]])
    assert Affinity("dot_product")(theta, phi).tolist() == [[[11 / 2, 17 / 2]]]


def test_non_local_with_new_blocks_is_i3d():
    non_local, i3d = (load_model(name, "none", **NARROW) for name in ("non_local", "i3d"))
    missing = i3d.load_state_dict(non_local.state_dict(), strict=False).missing_keys
    assert missing == []
    x = videos(1, 3, 16, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(non_local(x), i3d(x))


def test_unknown_modes_and_stages_without_room_are_refused():
    with pytest.raises(VidexplainError, match="did you mean gaussian"):
        NonLocal(4, "gausian")
    with pytest.raises(VidexplainError, match="needs 2 to hold a non-local block"):
        NonLocalI3D(2, width=2, blocks=(1, 1, 1, 1))


# SAME padding


@pytest.mark.parametrize("size", [5, 6, 7, 8])
def test_same_padding_puts_the_odd_zero_behind(size):
    # TensorFlow: ceil(size / 2) outputs; output i sees inputs 2i - before ... 2i - before + 2.
    x = torch.arange(1.0, size + 1)
    count = -(-size // 2)
    before = ((count - 1) * 2 + 3 - size) // 2
    starts = [2 * i - before for i in range(count)]
    expected = [max(x[max(0, s) : s + 3].tolist()) for s in starts]
    pool = SamePool((1, 1, 3), (1, 1, 2))
    assert pool(x.reshape(1, 1, 1, 1, size)).flatten().tolist() == expected


def test_a_strided_unit_pads_two_before_and_three_behind():
    unit = Unit(1, 1, 7, 2).eval()
    nn.init.ones_(unit.conv3d.weight)
    with torch.no_grad():
        sums = unit(torch.ones(1, 1, 8, 8, 8)) * (1 + 1e-3) ** 0.5
    # Along one axis the four windows start at -2, 0, 2, 4 and hold 5, 7, 6 and 4 of the 8 ones.
    line = torch.tensor([5.0, 7.0, 6.0, 4.0])
    expected = line[:, None, None] * line[:, None] * line
    torch.testing.assert_close(sums[0, 0], expected)


def test_inception_averages_two_neighbouring_steps_and_then_time():
    model = InceptionI3D(3, width=8).eval()
    seen = []
    model.Mixed_5c.register_forward_hook(lambda m, i, out: seen.append(out))
    with torch.no_grad():
        logits = model(videos(1, 3, 24, 32, 32))
        # Three steps: the middle one counts twice as much as the others.
        features = seen[0].mean((3, 4))
        mean = (features[..., 0] + 2 * features[..., 1] + features[..., 2]) / 4
        expected = nn.functional.linear(mean, model.logits.conv3d.weight.flatten(1), model.logits.conv3d.bias)
    assert features.shape[-1] == 3
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-6)


# Random weights


@pytest.mark.parametrize("name", SMALL)
def test_random_weights_are_always_the_same_and_leave_the_random_state(name):
    torch.manual_seed(123)
    before = torch.random.get_rng_state()
    first = load_model(name, "none", **SMALL[name]).state_dict()
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(7)
    second = load_model(name, "none", **SMALL[name]).state_dict()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("late_fusion", {"depth": 152, "width": 16, "size": 64}),
        ("lrcn", {"depth": 152, "width": 16, "size": 64}),
        ("c3d", {"width": 16}),
        ("i3d", {"depth": 152, "width": 16, "size": 64}),
        ("i3d_inception", {"width": 32, "size": 64}),
        ("non_local", {"width": 16, "size": 64}),
    ],
)
def test_random_activations_neither_explode_nor_vanish_at_full_depth(name, options):
    model = load_model(name, "none", **options)
    c = model.config
    seen = []
    model.get_submodule(c.default_layer).register_forward_hook(lambda m, i, out: seen.append(out))
    with torch.no_grad():
        logits = model(videos(2, 3, c.num_frames, *c.size))
    assert 0.01 < logits.std() < 10
    assert 0.1 < seen[0].std() < 100
    assert (seen[0] > 0).float().mean() > 0.05


@pytest.mark.parametrize("name", ["late_fusion", "lrcn", "i3d", "non_local"])
def test_strides_of_one_in_the_last_stages_make_maps_finer_with_the_same_weights(name):
    coarse, fine = (load_model(name, "none", **SMALL[name], **more) for more in ({}, {"strides": (1, 2, 1, 1)}))
    fine.load_state_dict(coarse.state_dict())
    extents = []
    for model in (coarse, fine):
        seen = []
        model.get_submodule(model.config.default_layer).register_forward_hook(lambda m, i, out, s=seen: s.append(out))
        with torch.no_grad():
            model(videos(1, 3, model.config.num_frames, 32, 32))
        extents.append(seen[0].shape[-2:])
    assert extents == [(1, 1), (4, 4)]


@pytest.mark.parametrize("name", ["late_fusion", "i3d"])
@pytest.mark.parametrize("strides", [(1, 2, 2), (1, 2, 2, 0)])
def test_each_of_four_stages_has_a_stride(name, strides):
    with pytest.raises(VidexplainError, match="four stages with a stride of at least 1 each are needed"):
        load_model(name, "none", **SMALL[name], strides=strides)
