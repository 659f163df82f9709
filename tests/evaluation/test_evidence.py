import json
from pathlib import Path

import numpy as np
import pytest

from videxplain.actionfigures import read_evidence, synthesize
from videxplain.data.datasets.frames import prepare
from videxplain.data.datasets.open import open_dataset
from videxplain.errors import VidexplainError
from videxplain.evaluation import evidence
from videxplain.evaluation.evidence import BASELINES, EvidenceReport, MapScores, compare, measure_evidence
from videxplain.explanation.api import explain
from videxplain.files import write_json
from videxplain.models.zoo import load_model


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """Fourteen classes, eight groups, small and short."""
    root = tmp_path_factory.mktemp("figures") / "data"
    synthesize(root, videos=14 * 8, num_frames=10, size=(48, 64))
    return root


def test_a_map_is_compared_pixel_by_pixel():
    heatmap = np.zeros((2, 2, 2), np.float32)
    heatmap[0] = [[4, 1], [-9, 0]]
    heatmap[1] = [[3, 2], [0, 0]]
    mask = np.zeros((2, 2, 2), bool)
    mask[0, 0, 0] = mask[1, 0, 1] = mask[0, 1, 0] = True
    hit = compare(heatmap, mask, np.array([True, False]))
    assert (hit.energy, hit.pointing, hit.within, hit.active, hit.blank) == (6 / 10, 1.0, 1.0, 5 / 10, False)


def test_equal_maxima_count_by_their_share():
    mask = np.zeros((1, 2, 2), bool)
    mask[0, 0, 0] = True
    flat = compare(np.ones((1, 2, 2), np.float32), mask, np.array([True]))
    assert (flat.energy, flat.pointing, flat.within, flat.active) == (0.25, 0.25, 1.0, 1.0)
    blank = compare(-np.ones((1, 2, 2), np.float32), mask, np.array([True]))
    assert (blank.energy, blank.pointing, blank.within, blank.active, blank.blank) == (0, 0, 0, 0, True)


def test_maps_that_need_no_network():
    frames = np.zeros((3, 4, 6, 3), np.uint8)
    frames[1, 2, 5] = 30
    people = np.zeros((3, 4, 6), bool)
    people[0, 1] = True
    drawn = {name: draw(frames, people, Path("a.avi")) for name, draw in BASELINES.items()}
    assert {values.shape for values in drawn.values()} == {(3, 4, 6)}
    assert drawn["frame differences"][:, 2, 5].tolist() == [30, 30, 30]
    assert drawn["frame differences"].sum() == 90
    assert drawn["any person"].sum() == 6
    centre = drawn["centre"][0]
    np.testing.assert_allclose(centre, centre[::-1, ::-1])
    assert centre[1, 2] == pytest.approx(np.exp(-0.5 * (0.5 / 1) ** 2 - 0.5 * (0.5 / 1.5) ** 2))
    again = BASELINES["random"](frames, people, Path("elsewhere/a.avi"))
    np.testing.assert_array_equal(drawn["random"], again)
    assert not np.array_equal(again, BASELINES["random"](frames, people, Path("b.avi")))


def test_a_network_is_measured_video_by_video(figures):
    network = load_model("i3d", "none", depth=18, width=4, size=32, num_frames=8, num_classes=14)
    network.fc.weight.data.abs_()  # so that there is evidence for every class
    videos = open_dataset(figures).test[:3]
    report = measure_evidence(network, videos)
    assert report.videos == 3
    rows = {row.map: row for row in report.maps}
    assert set(rows) == {"gradcam", "random", "centre", "frame differences", "blurred frame differences", "any person"}
    known = [read_evidence(video.path) for video in videos]
    assert report.mask == pytest.approx(np.mean([one.limbs.mean() for one in known]))
    # The network's map is that of the true class; the map of people has its energy where people are the evidence.
    maps = [explain(network, video.path, "gradcam", target=video.label).heatmap for video in videos]
    energies = [
        np.maximum(m, 0)[e.limbs].sum() / max(np.maximum(m, 0).sum(), 1e-12) for m, e in zip(maps, known, strict=True)
    ]
    assert max(energies) > 0
    assert rows["gradcam"].energy == pytest.approx(np.mean(energies), rel=1e-4)
    # Every class has the share of its own videos that are hit with tolerance.
    hits = [compare(m, e.limbs, e.active).within for m, e in zip(maps, known, strict=True)]
    assert rows["gradcam"].maximum_within_tolerance == pytest.approx(np.mean(hits), abs=1e-6)
    names = [network.config.label(video.label) for video in videos]
    assert report.per_class == {
        name: pytest.approx(np.mean([hit for hit, one in zip(hits, names, strict=True) if one == name]))
        for name in names
    }
    people = [(e.people & e.limbs).sum() / e.people.sum() for e in known]
    assert rows["any person"].energy == rows["any person"].pointing == pytest.approx(np.mean(people))


def test_a_report_is_written_and_read(tmp_path):
    rows = [MapScores("gradcam", 0.5, 0.25, 0.75, 0.5, 0.0), MapScores("random", 0.1, 0.0, 0.5, 0.25, 0.0)]
    report = EvidenceReport(4, 0.1, tuple(rows), {"Fall": 0.5, "Rise": 1.0})
    path = write_json(tmp_path / "evidence.json", report.as_dict())
    content = json.loads(path.read_text())
    assert content["tolerance"] == 15
    assert content["maps"][0]["maximum_within_tolerance"] == 0.75
    assert EvidenceReport.read(path) == report
    # Files of version 0.1 have neither the tolerance nor classes.
    old = {"videos": 4, "mask": 0.1, "maps": [{"map": "gradcam", "energy": 1, "pointing": 1, "active": 1, "blank": 0}]}
    assert EvidenceReport.read(write_json(path, old)).maps[0].maximum_within_tolerance is None
    with pytest.raises(VidexplainError, match="is not what 'videxplain evaluate --evidence' writes"):
        EvidenceReport.read(write_json(path, {"videos": 4}))


def test_prepared_frames_lead_back_to_the_evidence(figures, tmp_path):
    dataset = open_dataset(figures)
    prepare(dataset, tmp_path / "frames", height=24)
    network = load_model("i3d", "none", depth=18, width=4, size=32, num_frames=8, num_classes=14)
    report = measure_evidence(network, open_dataset(tmp_path / "frames").test[:2])
    direct = measure_evidence(network, dataset.test[:2])
    assert report.mask == pytest.approx(direct.mask, rel=0.3)  # masks at half the size


def test_a_dataset_without_evidence_is_refused(tree):
    network = load_model("i3d", "none", depth=18, width=4, size=32, num_frames=8, num_classes=2)
    with pytest.raises(VidexplainError, match="no evidence of"):
        measure_evidence(network, open_dataset(tree).test[:1])


def test_progress_is_told(figures, monkeypatch):
    network = load_model("i3d", "none", depth=18, width=4, size=32, num_frames=8, num_classes=14)
    told = []
    measure_evidence(network, open_dataset(figures).test[:2], progress=lambda *place: told.append(place))
    assert told == [(1, 2), (2, 2)]
    assert evidence.METHOD == "gradcam"
