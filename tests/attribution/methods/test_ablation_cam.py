"""Ablation-CAM: closed forms, and a loop over channels."""

import pytest
import torch
import torch.nn.functional as F

from tests.attribution.networks import Deep3D, Small3D, seeded, video
from tests.attribution.references import close, full_graph
from videxplain.attribution.api import attribute


@pytest.mark.parametrize("target", range(5))
def test_ablationcam_closed_form_of_a_linear_head(target):
    """Without a channel the score lacks its weight times its mean."""
    module, x = seeded(Small3D), video(2, 3, 4, 8, 10)
    activations, _ = full_graph(module, "relu2", x, lambda logits: logits[:, 0])
    weights = module.fc.weight[target].detach() * activations.mean((2, 3, 4))
    expected = torch.einsum("nk,nkthw->nthw", weights, activations).relu()
    close(attribute(module, x, method="ablationcam", layer="relu2", target=target, enlarge=False), expected)


def test_ablationcam_written_out():
    module, x = seeded(Deep3D), video(2, 3, 4, 8, 10)
    activations, _ = full_graph(module, "relu1", x, lambda logits: logits[:, 0])

    def head(features):
        out = F.relu(module.conv2(features)) + module.shortcut(features)
        return module.fc(F.relu(module.hidden(module.pool(out).mean((2, 3, 4)))))

    found = attribute(module, x, method="ablationcam", layer="relu1", target=1, enlarge=False)
    with torch.no_grad():
        for n in range(2):
            features = activations[n : n + 1]
            total = torch.zeros_like(features[0, 0])
            for k in range(8):
                without = features.clone()
                without[:, k] = 0
                total += (head(features)[0, 1] - head(without)[0, 1]) * features[0, k]
            close(found[n], total.relu())


def test_ablationcam_when_a_layer_behind_works_in_place():
    in_place = seeded(lambda: Small3D(inplace=True))
    x = video(1, 3, 4, 6, 6)
    expected = attribute(seeded(Small3D), x, method="ablationcam", layer="bn2", target=1)
    assert expected.max() > 0
    assert torch.equal(attribute(in_place, x, method="ablationcam", layer="bn2", target=1), expected)
