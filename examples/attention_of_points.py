"""What do the points of a clip attend to in the non-local blocks of a network? The table of docs/attention.md.

    python examples/attention_of_points.py --model non_local --clips 28

27 points are spread evenly over each clip: three in time, height and width. Their attention is laid over a grid of
places. Printed is, as a mean over clips: how much of the weight the strongest 5 % of the places hold; how much lies on
people, for all points and for those that are on people themselves; how much of the picture people cover; and how alike
the weights of a point are to the mean of its clip's points (a cosine, 1 where all points attend to the same).

The clips are held-out ActionFigures videos, as in the benchmark. The first window of each is taken.
"""

import argparse
from itertools import islice

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

import videxplain as vx
from videxplain.actionfigures.synthesis import held_out_clips
from videxplain.attribution.attention.links import blocks_of, find_links
from videxplain.data.transforms import to_model_input
from videxplain.explanation.windows.plan import plan

SHARES = (1 / 6, 1 / 2, 5 / 6)
PLACES = [(time, height, width) for time in SHARES for height in SHARES for width in SHARES]
STRONGEST = 0.05
COLUMNS = ("strongest", "people", "from people", "area", "similarity")


def measure(model: vx.VideoModel, block: str, x: Tensor, people: Tensor) -> dict[str, float]:
    """The numbers of one clip.

    Args:
        model: A network with non-local blocks.
        block: The name of one of them.
        x: ``(1, C, T, H, W)``.
        people: ``(T, H, W)``: 1 where a pixel shows somebody.
    """
    rows, on_people = [], []
    area: Tensor | None = None
    for place in PLACES:
        links = find_links(model, x, place, block)
        if area is None:
            steps, height, width = links.weights.shape
            area = F.adaptive_avg_pool3d(people[None, None], (steps, height, width))[0, 0]
        t, row, column = (int(share * extent) for share, extent in zip(place, people.shape, strict=True))
        on_people.append(bool(people[t, row, column]))
        rows.append(links.weights.flatten())
    weights = torch.stack(rows)
    assert area is not None
    count = max(1, round(STRONGEST * weights.shape[1]))
    held = weights @ area.flatten()
    own = torch.tensor(on_people)
    return {
        "strongest": float(weights.topk(count).values.sum(1).mean()),
        "people": float(held.mean()),
        "from people": float(held[own].mean()) if own.any() else float("nan"),
        "area": float(area.mean()),
        "similarity": float(F.cosine_similarity(weights, weights.mean(0, keepdim=True)).mean()),
        "points": float(own.sum()),
        "places": weights.shape[1],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="non_local")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--clips", type=int, default=28)
    given = parser.parse_args()
    model = vx.load_model(given.model, given.weights)
    config = model.config
    for block in blocks_of(model):
        found = []
        for _, clip in islice(held_out_clips(), given.clips):
            window = plan(len(clip.frames), config).windows[0]
            x = torch.from_numpy(
                to_model_input(clip.frames[window], size=config.size, mean=config.mean, std=config.std)
            )[None]
            found.append(measure(model, block, x, torch.from_numpy(clip.people[window]).float()))
        means = {name: np.nanmean([one[name] for one in found]) for name in COLUMNS}
        points = sum(one["points"] for one in found)
        numbers = [f"{name} {means[name]:.2f}" for name in COLUMNS]
        print(f"{block}, {found[0]['places']:.0f} places:", ", ".join(numbers), f"({points:.0f} points on people)")


if __name__ == "__main__":
    main()
