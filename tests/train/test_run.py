import csv
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from tests.order_videos import order_tree
from videxplain.claim import claimed
from videxplain.errors import VidexplainError
from videxplain.files import output_folder
from videxplain.models.weights.files import read_metadata
from videxplain.models.zoo import load_model, save_model
from videxplain.train import data, logs
from videxplain.train.data import VideoData
from videxplain.train.frame_cache import FrameCache
from videxplain.train.run import check_finite, train
from videxplain.train.start import network_config

CPU = {"accelerator": "cpu", "devices": 1}


def rows_of(run):
    """The rows of a run's table but for the time it took, which no two runs share."""
    with (run / "logs" / "metrics.csv").open() as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    assert all(row.pop("seconds") > 0 for row in rows)
    return rows


def weights_of(run, which="last"):
    return torch.load(run / "checkpoints" / f"{which}.ckpt", weights_only=True)["state_dict"]


def test_a_network_learns_what_only_the_order_tells(recipe_of, tmp_path):
    recipe = recipe_of(epochs=8, describes="trained on greys", store="float16", gamma=0.9)
    out = tmp_path / "run"
    trained = train(recipe, out, trainer_options=CPU)
    rows = rows_of(out)
    assert trained.accuracy == 1.0
    assert [row["epoch"] for row in rows] == list(range(8))
    steps = len(range(0, 16, 4))  # 16 videos of 20, in batches of 4
    assert [row["step"] for row in rows] == [steps * (i + 1) for i in range(8)]
    assert [row["lr"] for row in rows] == pytest.approx([0.01 * 0.9**i for i in range(8)])
    assert rows[trained.epoch]["val_acc"] == 1.0
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]
    assert int(weights_of(out)["heads.network.bn1.num_batches_tracked"]) == 8 * steps

    (path,) = trained.weights
    config, metrics = read_metadata(path)
    assert (config.weights, config.labels) == ("trained on greys", ("Fall", "Rise"))
    assert metrics == {"validation": 1.0, "epochs": 8}
    best = weights_of(out, "best")
    network = load_model("i3d", path)
    for name, value in network.state_dict().items():
        assert torch.equal(value, best[f"heads.network.{name}"].to(torch.float16).to(value.dtype)), name
    # A checkpoint is a file of weights too, in full precision.
    kept = load_model("i3d", out / "checkpoints" / "best.ckpt")
    assert kept.config == network.config
    assert torch.equal(kept.fc.weight, best["heads.network.fc.weight"])
    assert path.stat().st_size < 1.2 * sum(2 * value.numel() for value in network.state_dict().values()) + 20_000


@pytest.mark.parametrize(
    "changes", [{"augmentation": "crop", "cache": False}, {"augmentation": "flip", "vary_on": "device"}]
)
def test_a_run_that_was_stopped_goes_on_exactly(recipe_of, tmp_path, changes):
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    changes = {"gamma": 0.5, **changes}
    train(recipe_of(epochs=2, **changes), straight, trainer_options=CPU)
    train(recipe_of(epochs=1, **changes), stopped, trainer_options=CPU)
    torch.rand(7)  # whatever else the process does with chance
    train(recipe_of(epochs=2, **changes), stopped, resume=True, trainer_options=CPU)
    one, two = weights_of(straight), weights_of(stopped)
    assert list(one) == list(two)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert rows_of(straight) == rows_of(stopped)


@pytest.mark.filterwarnings("error:The dirpath has changed")
def test_a_run_that_was_moved_remembers_its_best_epoch(recipe_of, tmp_path):
    # Nothing to speak of is learned, so that all epochs are equally good, and the first stays the best.
    options = {"width": 4, "size": 16, "num_frames": 8}
    train(recipe_of(model="c3d", options=options, lr=1e-12), tmp_path / "here", trainer_options=CPU)
    (tmp_path / "here").rename(tmp_path / "there")
    recipe = recipe_of(model="c3d", options=options, lr=1e-12, epochs=3)
    trained = train(recipe, tmp_path / "there", resume=True, trainer_options=CPU)
    first, second, third = (row["val_acc"] for row in rows_of(tmp_path / "there"))
    assert first == second == third
    assert (trained.epoch, trained.accuracy) == (0, pytest.approx(first))
    assert not (tmp_path / "here").exists()


def test_a_run_that_was_stopped_before_its_weights_were_written_writes_them(recipe_of, tmp_path):
    out = tmp_path / "run"
    first = train(recipe_of(epochs=1), out, trainer_options=CPU)
    (path,) = first.weights
    before, facts = load_model("i3d", path).state_dict(), read_metadata(path)
    path.unlink()
    again = train(recipe_of(epochs=1), out, resume=True, trainer_options=CPU)
    after = load_model("i3d", path).state_dict()
    assert read_metadata(path) == facts
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert (again.weights, again.epoch, again.accuracy) == (first.weights, first.epoch, first.accuracy)
    assert len(rows_of(out)) == 1


def test_half_of_the_free_memory_is_for_both_parts_of_a_dataset(recipe_of, tmp_path, monkeypatch):
    held = 20 * 12 * 16 * 16 * 3  # all videos for training and validation, at the size of the network
    caches = []

    class Watched(FrameCache):
        def __init__(self, size):
            super().__init__(size)
            caches.append(self)

    monkeypatch.setattr(data, "FrameCache", Watched)
    free = 0

    def free_memory():
        return free - sum(frames.nbytes for cache in caches for frames in cache._held.values())

    monkeypatch.setattr(data, "free_memory", free_memory)
    free = 2 * held
    VideoData(recipe_of(), network_config(recipe_of()))
    free, caches[:] = 2 * held - 2, []
    with pytest.raises(VidexplainError, match="do not fit into"):
        VideoData(recipe_of(), network_config(recipe_of()))


def test_what_is_frozen_stays_as_it_was(recipe_of, tmp_path):
    options = {"depth": 18, "width": 4, "size": 16}
    recipe = recipe_of(model="late_fusion", options=options, clips="uniform", freeze_trunk=True, epochs=1)
    train(recipe, tmp_path / "run", trainer_options=CPU)
    fresh = load_model("late_fusion", "none", **options, num_classes=2).state_dict()
    after = {name.removeprefix("heads.network."): value for name, value in weights_of(tmp_path / "run").items()}
    changed = {name for name, value in after.items() if not torch.equal(value, fresh[name])}
    assert changed == {"fc.weight", "fc.bias"}


@pytest.mark.parametrize("model", ["c3d", "lrcn"])
def test_two_datasets_are_learned_at_once(recipe_of, tmp_path, model):
    other = order_tree(tmp_path / "other", ("Drop", "Grow", "Sink"), groups=5, clips=1)
    recipe = recipe_of()
    options = {"width": 4, "size": 16, "num_frames": 8}
    # At 16 pixels the last stage sees single ones, of which oneDNN's bfloat16 gradients are not finite.
    options |= {"depth": 18, "latent": 8, "hidden": 8, "size": 32} if model == "lrcn" else {}
    sources = [{"root": recipe.data[0].root}, {"root": str(other)}]
    clips = "uniform" if model == "lrcn" else "five"
    recipe = recipe_of(model=model, data=sources, options=options, clips=clips, epochs=1, lr=1e-3, precision="bf16")
    trained = train(recipe, tmp_path / "run", trainer_options=CPU)
    assert [path.name for path in trained.weights] == [f"{model}-{name}.safetensors" for name in ("data", "other")]
    one, two = (load_model(model, path) for path in trained.weights)
    assert (one.config.labels, two.config.labels) == (("Fall", "Rise"), ("Drop", "Grow", "Sink"))
    different = {name for name, value in one.state_dict().items() if not torch.equal(value, two.state_dict()[name])}
    head = "fc" if model == "lrcn" else "fc8"
    assert different == {f"{head}.weight", f"{head}.bias"}
    (row,) = rows_of(tmp_path / "run")
    assert row["step"] == (16 if model == "lrcn" else 80) // 4  # a batch of each dataset a step, the larger one once
    for name in ("train_loss", "val_acc"):
        each = [row[f"{name}/{dataset}"] for dataset in ("data", "other")]
        assert row[name] == pytest.approx(sum(each) / 2)


def test_a_missing_and_a_damaged_video_are_left_out_or_stop_the_run(recipe_of, tmp_path):
    root = order_tree(tmp_path / "data")
    train_files = sorted((root / "UCF-101" / "Fall").glob("*_g0[4-7]_*.avi"))
    train_files[0].unlink()
    train_files[1].write_bytes(train_files[1].read_bytes()[:700])
    recipe = recipe_of(data=str(root), epochs=1)
    trained = train(recipe, tmp_path / "run", trainer_options=CPU)
    assert sorted(path.name for path, _ in trained.skipped) == [path.name for path in train_files[:2]]
    with pytest.raises(VidexplainError, match=train_files[0].name):
        train(recipe, tmp_path / "strict", strict=True, trainer_options=CPU)
    assert not (tmp_path / "strict").exists()


@pytest.mark.parametrize(
    ("again", "resume", "line"),
    [
        ({}, False, "holds a run already: continue it with --resume"),
        ({"lr": 0.02}, True, "its lr was 0.01, not 0.02"),
        ({"epochs": 1}, True, "has run for 1 epochs already"),
    ],
)
def test_a_folder_that_does_not_fit_the_wish_is_refused(recipe_of, tmp_path, again, resume, line):
    train(recipe_of(epochs=1), tmp_path / "run", trainer_options=CPU)
    before = (tmp_path / "run" / "recipe.yaml").read_text()
    with pytest.raises(VidexplainError, match=line):
        train(recipe_of(**again), tmp_path / "run", resume=resume, trainer_options=CPU)
    assert (tmp_path / "run" / "recipe.yaml").read_text() == before


def test_a_run_that_diverges_says_so(recipe_of, tmp_path):
    with pytest.raises(VidexplainError, match=r"the loss is not finite after epoch 1: try a smaller lr"):
        train(recipe_of(model="c3d", options={"width": 4, "size": 16}, lr=1e9), tmp_path / "run", trainer_options=CPU)


def test_there_must_be_something_to_resume(recipe_of, tmp_path):
    with pytest.raises(VidexplainError, match=r"nothing to resume: .*last\.ckpt is not there"):
        train(recipe_of(), tmp_path / "run", resume=True, trainer_options=CPU)


def test_a_logger_that_is_not_installed_is_named(recipe_of, tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "find_spec", lambda name: None)
    with pytest.raises(VidexplainError, match="pip install wandb"):
        train(recipe_of(logger=["csv", "wandb"]), tmp_path / "run", trainer_options=CPU)


def test_tensorboard_gets_the_same_numbers(recipe_of, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(recipe_of(logger=["csv", "tensorboard"]), tmp_path / "run", trainer_options=CPU)
    events = EventAccumulator(str(tmp_path / "run" / "logs" / "tensorboard"))
    events.Reload()
    rows = rows_of(tmp_path / "run")
    for name in ("train_loss", "val_loss", "val_acc"):
        assert [event.value for event in events.Scalars(name)] == pytest.approx([row[name] for row in rows])


def test_weights_that_are_not_finite_are_refused():
    check_finite({"a": torch.zeros(3), "n": torch.tensor(4)})
    with pytest.raises(VidexplainError, match=r"training went wrong, b is not finite"):
        check_finite({"a": torch.zeros(3), "b": torch.tensor([0.0, float("nan")])})


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"init": "nowhere.safetensors"}, "there is no file 'nowhere.safetensors'"),
        ({"init": "{weights}"}, "nothing in .*other.safetensors fits i3d"),
        ({"data": "{data}"}, "has no validation videos: too few videos or groups"),
        ({"options": {"size": 1}}, "size 1x1 cannot be trained"),
    ],
)
@pytest.mark.parametrize("logger", ["csv", ["csv", "tensorboard"]])
def test_what_cannot_be_trained_is_refused_before_anything_is_written(recipe_of, tmp_path, changes, line, logger):
    save_model(load_model("c3d", "none", width=2, num_classes=2), tmp_path / "other.safetensors")
    places = {
        "data": order_tree(tmp_path / "data", groups=2, clips=1, held_out=1),
        "weights": tmp_path / "other.safetensors",
    }
    filled = {name: value.format(**places) if isinstance(value, str) else value for name, value in changes.items()}
    with pytest.raises(VidexplainError, match=line):
        train(recipe_of(**filled, logger=logger), tmp_path / "runs" / "run", trainer_options=CPU)
    assert not (tmp_path / "runs").exists()


def test_leftovers_of_killed_processes_do_not_stop_a_resumption(recipe_of, tmp_path):
    out = tmp_path / "run"
    train(recipe_of(epochs=1), out, trainer_options=CPU)
    for name in (".videxplain-0123456789ab.safetensors", ".videxplain-claim"):
        (out / name).write_bytes(b"half of a file")
    (out / "logs" / ".videxplain-0123456789ab.csv").write_bytes(b"")
    resumed = train(recipe_of(epochs=2), out, resume=True, trainer_options=CPU)
    assert len(rows_of(out)) == 2
    assert [path.name for path in resumed.weights] == ["i3d.safetensors"]


def test_a_second_job_on_one_folder_is_told(recipe_of, tmp_path):
    with output_folder(tmp_path / "run") as out, ThreadPoolExecutor(1) as other, claimed(out):
        job = other.submit(train, recipe_of(), out, trainer_options=CPU)
        with pytest.raises(VidexplainError, match=r"is in use by another .*; .*choose another folder"):
            job.result()
