from pathlib import Path

import pytest
import torch

from videxplain.errors import VidexplainError
from videxplain.models.architectures import ARCHITECTURES
from videxplain.train.checks import check_recipe
from videxplain.train.recipe import DataSource
from videxplain.train.recipe_file import read_recipe, recipe_from
from videxplain.train.start import network_config

RECIPES = sorted((Path(__file__).parents[2] / "examples" / "recipes").glob("*.yaml"))
LEAST = {"model": "i3d", "data": "somewhere"}


@pytest.fixture
def write(tmp_path):
    def make(text):
        path = tmp_path / "recipe.yaml"
        path.write_text(text)
        return path

    return make


def test_what_is_written_is_read(write, tmp_path):
    recipe = recipe_from(LEAST | {"options": {"size": [80, 96]}, "lr": "1e-3", "logger": "csv"})
    recipe.write(tmp_path / "again.yaml")
    assert read_recipe(tmp_path / "again.yaml") == recipe
    assert recipe.lr == 0.001
    assert recipe.logger == ("csv",)
    assert recipe.data == (DataSource("somewhere", "auto", 1),)


def test_changes_reach_inside_and_come_last(write):
    path = write("model: i3d\ndata: {root: a, kind: ucf101, split: 1}\nepochs: 5\noptions: {width: 16}\n")
    changes = ["epochs=7", "options.width=8", "options.time_strides=[1, 2, 1]", "data.split=3", "lr=2e-4"]
    recipe = read_recipe(path, changes, ["elsewhere"])
    assert (recipe.epochs, recipe.lr) == (7, 2e-4)
    assert recipe.options == {"width": 8, "time_strides": [1, 2, 1]}
    assert recipe.data == (DataSource("elsewhere", "ucf101", 3),)


def test_two_folders_make_two_datasets(write):
    recipe = read_recipe(write("model: c3d\n"), roots=["a", Path("b")])
    assert recipe.data == (DataSource("a"), DataSource("b"))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"epoch": 3}, "unknown key 'epoch'; did you mean epochs"),
        ({"data": None}, "data is missing; name the dataset with --data"),
        ({"data": ["a", "b", "c"]}, "one dataset or two, not 3"),
        ({"data": {"root": "a", "spilt": 2}}, "unknown key of data 'spilt'; did you mean split"),
        ({"clips": "ones"}, "unknown clips 'ones'; did you mean one"),
        ({"augmentation": "flips"}, "unknown augmentation 'flips'; did you mean flip"),
        ({"epochs": 0}, "epochs is at least 1, not 0"),
        ({"epochs": 2.5}, "epochs is a whole number, not 2.5"),
        ({"epochs": True}, "epochs is a whole number, not True"),
        ({"lr": "fast"}, "lr is a number, not 'fast'"),
        ({"lr": 0}, "lr is above 0, not 0"),
        ({"lr": "inf"}, "lr is at most 1.8e+308, not inf"),
        ({"gamma": "nan"}, "gamma is above 0, not nan"),
        ({"weight_decay": "nan"}, "weight_decay is at least 0, not nan"),
        ({"epochs": 10**30}, "epochs is at most 100,000, not 1e+30"),
        ({"batch_size": 10**12}, "batch_size is at most 65,536, not 1e+12"),
        ({"seed": 2**70}, "seed is at most 4,294,967,295, not 1.18059e+21"),
        ({"workers": 10**9}, "workers is at most 256, not 1e+09"),
        ({"sparsity": -1}, "sparsity is at least 0, not -1"),
        ({"sparsity": "nan"}, "sparsity is at least 0, not nan"),
        ({"sparsity": 0.1, "freeze_trunk": True}, "sparsity has no use with freeze_trunk"),
        ({"data": {"root": 5}}, "root and kind of data are text"),
        ({"data": {"root": "a", "split": "2"}}, "split of data is 1, 2 or 3, not '2'"),
        ({"cache": "yes please"}, "cache is true or false, not 'yes please'"),
        ({"logger": "wand"}, "unknown logger 'wand'; did you mean wandb"),
        ({"options": [1]}, "options are 'name: value' each"),
    ],
)
def test_a_mistake_gives_one_line(change, line):
    with pytest.raises(VidexplainError) as error:
        recipe_from(LEAST | change)
    assert line in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "changes", "line"),
    [
        ("model: [", [], "is not YAML"),
        ("just text", [], "is no recipe"),
        (f"epochs: {'9' * 5000}\n", [], "is not YAML"),
        ("a: " + "[" * 5000, [], "is nested too deeply"),
        ("model: i3d\ndata: a\n", [f"epochs={'9' * 5000}"], "is not a YAML value"),
        ("model: i3d\ndata: a\n", ["epochs"], "--set is KEY=VALUE"),
        ("model: i3d\ndata: a\n", ["model.name=1"], "--set model.name: model has no keys of its own"),
        ("model: i3d\ndata: a\nwidth: 8\n", [], "recipe.yaml: unknown key 'width'"),
    ],
)
def test_a_file_that_is_no_recipe_gives_one_line(write, text, changes, line):
    with pytest.raises(VidexplainError) as error:
        read_recipe(write(text), changes)
    assert line in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"model": "i3"}, "unknown model 'i3'; did you mean i3d"),
        ({"options": {"widht": 8}}, "unknown option of i3d 'widht'; did you mean width"),
        ({"options": {"num_classes": 8}}, "leave out num_classes"),
        ({"clips": "uniform"}, "i3d sees consecutive frames, so clips is one or five"),
        ({"clips": "segments"}, "i3d sees consecutive frames, so clips is one or five"),
        ({"model": "lrcn"}, "lrcn sees uniform frames, so clips is uniform or segments"),
        ({"model": "c3d", "init": "imagenet"}, "no network of ImageNet fits c3d"),
        ({"options": {"width": 8}, "init": "imagenet"}, "ImageNet's weights need width 64"),
    ],
)
def test_a_network_that_cannot_be_is_refused_before_data_is_read(change, line):
    with pytest.raises(VidexplainError, match=line):
        network_config(recipe_from(LEAST | change))


@pytest.mark.parametrize(
    ("roots", "changes", "words"),
    [
        (["a"], [], "trained on one"),
        (["a", "b"], [], ""),  # said of one dataset, it would be wrong of two
        (["a", "b"], ["describes=trained on two"], "trained on two"),
    ],
)
def test_words_about_a_dataset_are_not_said_of_others(write, roots, changes, words):
    path = write("model: c3d\ndata: one\ndescribes: trained on one\n")
    assert read_recipe(path, changes, roots).describes == words


STAGES = [
    ("late_fusion", "coarse"),
    ("late_fusion", "fine"),
    ("late_fusion", "prior"),
    ("lrcn", "fine"),
    ("lrcn", "frames"),
    ("lrcn", "prior"),
    ("lrcn", "segments"),
    ("c3d", "first"),
    ("c3d", "prior"),
    ("i3d", "coarse"),
    ("i3d", "fine"),
    ("i3d", "prior"),
    ("i3d", "longer"),
    ("non_local", "prior"),
    ("non_local", "longer"),
]
"""Trainings of the networks of the package before their last ones."""


def test_every_model_has_a_recipe_for_every_dataset():
    models = ("late_fusion", "lrcn", "c3d", "i3d", "non_local")
    expected = {f"{model}-{data}.yaml" for model in models for data in ("ucf101", "hmdb51", "actionfigures")}
    assert {path.name for path in RECIPES} == expected | {
        f"{model}-actionfigures-{stage}.yaml" for model, stage in STAGES
    }


@pytest.mark.parametrize(("model", "stage"), STAGES)
def test_another_training_begins_with_what_an_earlier_one_made(model, stage):
    path = next(path for path in RECIPES if path.name == f"{model}-actionfigures-{stage}.yaml")
    made = f"runs/{path.stem}/{model}.safetensors"
    assert any(read_recipe(later).init == made for later in RECIPES)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_of_ours_can_be_followed(path):
    recipe = read_recipe(path)
    model, data, *_ = path.stem.split("-")
    assert recipe.model == model
    config = network_config(recipe)
    assert config.num_frames in ((5, 8, 16) if model in ("late_fusion", "lrcn") else (16,))
    if data == "actionfigures":
        assert not recipe.vertical_flip
        assert "not on real video" in recipe.describes
        assert max(config.size) <= 144
    else:
        assert recipe.freeze_trunk == (model in ("late_fusion", "lrcn"))
        assert config.size == ((112, 112) if model == "c3d" else (224, 224))
        assert recipe.data[0].kind == data


def test_the_narrow_networks_fit_into_15_megabytes_together():
    total = 0
    for path in RECIPES:
        recipe = read_recipe(path)
        if path.stem.endswith("actionfigures"):
            assert recipe.store == "float16"
            config = network_config(recipe).replace(num_classes=14, labels=())
            with torch.device("meta"):
                network = ARCHITECTURES[recipe.model].network(config)
            total += sum(2 * value.numel() for value in network.state_dict().values())
    assert 5e6 < total < 14.5e6


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"options": {"size": 1}}, "size 1x1 cannot be trained; sides of 8 to 2048 pixels can"),
        ({"options": {"size": 2000, "num_frames": 900}}, "clips of 900 frames of 2000x2000 are too large"),
        ({"options": {"width": 10**6}}, "options: width of i3d cannot be '1000000'"),
        ({"options": {"width": "a"}}, "options: width of i3d cannot be 'a'"),
        ({"options": {"blocks": 3}}, "i3d cannot be built with options blocks 3: "),
        ({"options": {"depth": 19}}, "i3d cannot be built with options depth 19: unknown depth '19'"),
        ({"init": "nowhere.pt"}, "init is none, imagenet or a file of weights; there is no file 'nowhere.pt'"),
    ],
)
def test_a_network_that_cannot_be_trained_is_refused_before_data_is_read(change, line):
    recipe = recipe_from(LEAST | change)
    with pytest.raises(VidexplainError) as error:
        check_recipe(recipe, network_config(recipe))
    assert line in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_our_recipes_can_be_trained(path):
    recipe = read_recipe(path)
    if recipe.init in ("none", "imagenet"):
        check_recipe(recipe, network_config(recipe))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"epochs": 10**400}, "epochs is at most 100,000, not a number of hundreds of digits"),
        ({"lr": 10**400}, "lr is a number, not 1000"),
        ({"epochs": "9" * 5000}, "epochs is a whole number, not '9999"),
    ],
)
def test_numbers_of_hundreds_of_digits_are_refused_in_a_line(changes, line):
    with pytest.raises(VidexplainError) as error:
        recipe_from({"model": "i3d", "data": "nowhere", **changes})
    assert str(error.value).startswith(line)
    assert len(str(error.value)) < 120


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"options": {"width": 10**400}}, "options: width is out of range: numbers up to 4096 make sense"),
        ({"options": {"dropout": float("nan")}}, "options: dropout is out of range: numbers up to 4096 make sense"),
        ({"init": "a" * 5000}, "init is none, imagenet or a file of weights; there is no file 'aaaa"),
    ],
)
def test_what_no_network_is_built_with_is_refused_in_a_line(changes, line):
    recipe = recipe_from({"model": "i3d", "data": "nowhere", **changes})
    with pytest.raises(VidexplainError) as error:
        check_recipe(recipe, ARCHITECTURES["i3d"].config)
    assert str(error.value).startswith(line)
    assert len(str(error.value)) < 300
