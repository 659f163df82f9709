import pytest
import torch
from torch import nn

from videxplain.models.zoo import load_model
from videxplain.train.module import Classifier
from videxplain.train.sparsity import SparsityPrior, share_of_places
from videxplain.train.two_heads import ManyHeads


def test_one_place_of_twelve_and_all_of_them():
    one = torch.zeros(2, 3, 2, 2, 3)
    one[:, 1, 0, 1, 2] = 5
    assert share_of_places(one).item() == pytest.approx(1 / 12)
    assert share_of_places(torch.full((2, 3, 2, 2, 3), 0.1)).item() == pytest.approx(1)


def test_the_scale_of_a_clip_and_negative_values_do_not_matter():
    features = torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(0))
    expected = []
    for clip in features:
        places = [sum(max(v, 0.0) for v in clip[:, y, x].tolist()) for y in range(3) for x in range(5)]
        expected.append(sum(places) ** 2 / (15 * sum(v * v for v in places)))
    scaled = features * torch.tensor([1.0, 1000.0])[:, None, None, None]
    assert share_of_places(scaled).item() == pytest.approx(sum(expected) / 2, rel=1e-5)


def test_features_of_zero_have_a_gradient_of_zero():
    features = torch.zeros(1, 2, 3, 3, requires_grad=True)
    share = share_of_places(features)
    share.backward()
    assert share.item() == 0
    assert features.grad is not None
    assert features.grad.abs().sum() == 0


def test_descent_gathers_the_activation_where_it_is_strongest():
    features = torch.tensor([[[[1.0, 1.2, 0.9, 1.1]]]], requires_grad=True)
    adam = torch.optim.Adam([features], lr=0.05)
    for _ in range(200):
        adam.zero_grad()
        share_of_places(features).backward()
        adam.step()
    assert share_of_places(features).item() == pytest.approx(0.25, abs=0.01)
    assert features.argmax().item() == 1


def test_only_passes_of_training_count():
    layer = nn.Identity()
    prior = SparsityPrior(layer)
    with pytest.raises(RuntimeError, match="no pass"):
        prior.taken()
    layer(torch.tensor([[[1.0, 0.0]]]))
    layer(torch.tensor([[[1.0, 1.0]]]))
    layer.eval()
    layer(torch.tensor([[[1.0, 1.0]]]))
    assert prior.taken().item() == pytest.approx(0.75)
    with pytest.raises(RuntimeError, match="no pass"):
        prior.taken()


def test_the_places_of_a_network_of_frames_are_those_of_the_whole_clip():
    """Two clips of three frames of 1x2 places: one place of six, and all of one frame."""
    features = torch.zeros(6, 1, 1, 2)
    features[2, 0, 0, 1] = 4
    features[3] = 0.5
    prior = SparsityPrior(layer := nn.Identity())
    prior.clips = 2
    layer(features)
    assert prior.taken().item() == pytest.approx((1 / 6 + 2 / 6) / 2)


@pytest.mark.parametrize("model", ["late_fusion", "lrcn", "c3d", "i3d", "non_local"])
def test_the_prior_is_added_to_the_loss(model, monkeypatch):
    depth = {} if model == "c3d" else {"depth": 18}
    network = load_model(model, "none", width=4, size=32, num_classes=3, dropout=0.0, **depth)
    heads = ManyHeads(network, [network.config])
    x = torch.randn(2, 3, network.config.num_frames, 32, 32, generator=torch.Generator().manual_seed(0))
    batch = (x, torch.tensor([0, 2]), torch.tensor([0, 1]))
    logged = {}
    monkeypatch.setattr(Classifier, "_log", lambda self, name, values, **_: logged.__setitem__(name, values[0].item()))
    monkeypatch.setattr(Classifier, "global_step", 0)
    monkeypatch.setattr(Classifier, "global_rank", 0)
    plain = Classifier(heads, ["a"], lr=1, gamma=1).train().training_step([batch], 0).item()
    loss = Classifier(heads, ["a"], lr=1, gamma=1, sparsity=2.0).train().training_step([batch], 0).item()
    assert 0 < logged["train_share"] <= 1
    assert loss == pytest.approx(plain + 2 * logged["train_share"], rel=1e-5)
