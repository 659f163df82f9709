"""Learns which clips a network knows, so that it can say if a clip is unlike all of them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from videxplain.data.datasets.types import Video, spread_evenly
from videxplain.device import device_of
from videxplain.errors import VidexplainError
from videxplain.explanation.api import as_source, config_of
from videxplain.explanation.familiarity import pass_of
from videxplain.explanation.windows.plan import plan, window_inputs
from videxplain.models.familiarity import Distribution, Familiarity, energies
from videxplain.models.picture import feature_count
from videxplain.models.stages import stage_names
from videxplain.progress import Progress

QUANTILE, CONFIDENCE = 0.99, 0.95
"""The share of known clips that stay under a limit, and the probability that as many do: a limit comes from few clips.
"""
_LEAST_SPREAD = 0.01
"""This share of the mean standard deviation of all features is added to the standard deviation of each."""
_LEAST_SHARE = 1e-6
"""The least share of the identity in a covariance, so that it can be inverted."""
MOST_TRAINING_CLIPS, MOST_VALIDATION_CLIPS = 1512, 378
"""The most clips that are used: a quarter of those of the bundled networks. Of a training clip only the middle window
is, because its windows are similar."""


def fit_familiarity(
    model: nn.Module, training: Sequence[Video], validation: Sequence[Video], *, progress: Progress | None = None
) -> Familiarity:
    """Learn which clips a network knows: the distribution of its features, and limits from validation clips.

    The features say how much neighbouring pixels and frames differ, and how much the outputs of all stages vary over
    time and space (:class:`videxplain.models.stages.ClipFeatures`), in the windows that :func:`videxplain.predict`
    uses. For the stages, each class has a mean, and all classes share one shrunk covariance (:func:`distribution`): Lee
    et al., A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks, NeurIPS 2018.
    For the picture, all clips share one mean. The second measure is the energy score: Liu et al., Energy-based
    Out-of-distribution Detection, NeurIPS 2020.

    Assign the result to ``model.familiarity``. :func:`videxplain.save_model` then saves it.

    Args:
        model: A network with a ``config``; it is left as it was found.
        training: Videos that it was trained on, with the network's labels. At most ``MOST_TRAINING_CLIPS`` of them are
            used, and the middle window of each.
        validation: Similar videos that it was not trained on. At most ``MOST_VALIDATION_CLIPS`` of them are used, and
            all windows of each.
        progress: Called with the number of videos done and the number of all videos.

    Raises:
        VidexplainError: No videos, a video that cannot be read, or a network without stages.
    """
    training = spread_evenly(training, MOST_TRAINING_CLIPS)
    validation = spread_evenly(validation, MOST_VALIDATION_CLIPS)
    if not training or not validation:
        raise VidexplainError("what a network knows is learned from training and validation videos, and one has none")
    stages = stage_names(model)
    total = len(training) + len(validation)

    def looked_at(videos: Sequence[Video], before: int, middle: bool) -> Iterable[tuple[Video, Tensor, Tensor]]:
        for number, video in enumerate(videos, start=before + 1):
            yield video, *video_features(model, video, stages, middle=middle)
            if progress:
                progress(number, total)

    rows, labels = [], []
    for video, features, _ in looked_at(training, 0, True):
        rows.append(features)
        labels += [video.label] * len(features)
    found, classes = torch.cat(rows), torch.tensor(labels)
    size = feature_count(config_of(model).size)
    of_picture = distribution(found[:, :size], torch.zeros_like(classes))
    of_stages = distribution(found[:, size:], classes)
    seen = [(features, logits) for _, features, logits in looked_at(validation, len(training), False)]
    of_picture, of_stages = (
        replace(one, usual=median([float(one.distances(features[:, part]).mean()) for features, _ in seen]) or 1.0)
        for one, part in ((of_picture, slice(size)), (of_stages, slice(size, None)))
    )
    known = Familiarity(stages, of_picture, of_stages, math.inf, math.inf, len(training), len(validation))
    return replace(
        known,
        distance_limit=limit([float(known.distances(features).mean()) for features, _ in seen]),
        energy_limit=limit([float(energies(logits).mean()) for _, logits in seen]),
    )


def video_features(
    model: nn.Module, video: Video, stages: tuple[str, ...], *, middle: bool = False
) -> tuple[Tensor, Tensor]:
    """The features ``(W, F)`` and the logits ``(W, K)`` of the W windows of a video.

    Args:
        model: The network.
        video: The video.
        stages: The stages of the network.
        middle: Only the window in the middle; W is then 1.

    Raises:
        VidexplainError: The video cannot be read, or the network has no stages.
    """
    config, source = config_of(model), as_source(video.path)
    whole = plan(source.num_frames, config)
    windows = range(len(whole.windows))
    if middle:
        windows = windows[len(windows) // 2 :][:1]
    features, logits = [], []
    for x in window_inputs(source, whole, windows, config, device_of(model)):
        said, found = pass_of(model, x, stages)
        if found is None:
            raise VidexplainError(
                f"{config.architecture} has no stages whose output is a map, so its features are not known"
            )
        features.append(found.cpu())
        logits.append(said.cpu())
    return torch.cat(features), torch.cat(logits)


def distribution(features: Tensor, labels: Tensor) -> Distribution:
    """The mean of each class ``(K, F)`` and the whitening ``(F, F)`` of the covariance that all classes share.

    Its usual distance is 1 until it is measured.

    The scale of features differs between stages. So each feature is divided by its standard deviation before the
    covariance is shrunk (:func:`ledoit_wolf`). The whitening includes this division.

    Args:
        features: ``(N, F)``.
        labels: ``(N,)``. Classes without a row have no mean.
    """
    values, rows = features.double(), labels.unique(return_inverse=True)[1]
    means = torch.stack([values[rows == row].mean(0) for row in range(int(rows.max()) + 1)])
    centred = values - means[rows]
    spread = centred.square().mean(0).sqrt()
    # Without the addition, any other value of a feature that is constant in training would be infinitely far.
    spread = spread + _LEAST_SPREAD * spread.mean() if spread.any() else torch.ones_like(spread)
    covariance = ledoit_wolf((centred / spread).numpy())
    factor = torch.linalg.cholesky(torch.from_numpy(np.linalg.inv(covariance)))
    return Distribution(means.float(), (factor.T / spread).contiguous().float(), 1.0)


def ledoit_wolf(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """The covariance ``(F, F)`` of rows ``(N, F)`` of mean zero, shrunk towards a multiple of the identity.

    Ledoit and Wolf, A well-conditioned estimator for large-dimensional covariance matrices, Journal of Multivariate
    Analysis 2004. The share of the identity is the one with the least expected squared error.
    """
    rows, size = centred.shape
    covariance = centred.T @ centred / rows
    scale = float(np.trace(covariance)) / size
    identity = np.eye(size)
    spread = float(((covariance - scale * identity) ** 2).sum())
    # The mean squared distance of the covariance of one row to that of all.
    noise = (float((np.square(centred).sum(1) ** 2).mean()) - float((covariance**2).sum())) / rows
    share = max(min(noise, spread) / spread, _LEAST_SHARE) if spread > 0 else 1.0
    return (1 - share) * covariance + share * (scale or 1.0) * identity


def limit(values: Sequence[float]) -> float:
    """The limit under which, with a probability of ``CONFIDENCE``, at least ``QUANTILE`` of all clips like these stay.

    It is the upper tolerance limit that needs no assumption on the distribution (Wilks, Determination of Sample Sizes
    for Setting Tolerance Limits, 1941): the value of rank r, where r - 1 is the binomial quantile. Fewer than 299
    values have none, and the largest value stands for it.
    """
    from scipy.stats import binom

    below = int(binom.ppf(CONFIDENCE, len(values), QUANTILE))
    return sorted(values)[min(below, len(values) - 1)]
