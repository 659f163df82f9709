import subprocess
import sys
from pathlib import Path

import pytest

from tests.data.trees import names, ucf101_tree, write_clip
from videxplain.data.datasets.open import available_splits, open_dataset
from videxplain.data.datasets.prepare import prepare
from videxplain.data.datasets.summary import summarise
from videxplain.data.datasets.types import UNLABELLED
from videxplain.errors import VidexplainError


@pytest.fixture
def videos(tmp_path) -> Path:
    for name in ("one/1.avi", "one/2.avi", "two/3.avi"):
        write_clip(tmp_path / name, [0, 100])
    return tmp_path


def test_a_list_with_splits_is_a_dataset(videos):
    path = videos / "mine.csv"
    path.write_text(
        "path,label,split,group\none/1.avi,wave,train,g1\none/2.avi,kick,train,g1\ntwo/3.avi,wave,test,\n"
        f"{videos}/two/gone.avi,wave,test,\n"
    )
    dataset = open_dataset(path)
    assert (dataset.name, dataset.layout, dataset.labels) == ("mine", "list", ("kick", "wave"))
    assert [(v.path.name, v.label, v.group) for v in dataset.train] == [("1.avi", 1, "g1"), ("2.avi", 0, "g1")]
    assert [(v.path, v.label) for v in dataset.test] == [(videos / "two/3.avi", 1)]
    assert dataset.missing == dataset.missing_test == (videos / "two/gone.avi",)
    assert available_splits(dataset) == (1,)
    assert open_dataset(path, name="ours").name == "ours"
    prepare(dataset, videos / "frames")
    assert open_dataset(videos / "frames").layout == "list"


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
def test_a_list_of_paths_and_labels_is_for_looking_at(videos, kind):
    path = videos / f"list.{kind}"
    rows = {"path": ["one/1.avi", "two/3.avi"], "label": ["10", "9"], "more": ["x", "y"]}
    if kind == "parquet":
        pa = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        parquet.write_table(pa.table(rows | {"label": [10, 9]}), path)
    else:
        between = "," if kind == "csv" else "\t"
        lines = [between.join(line) for line in (rows, *zip(*rows.values(), strict=True))]
        path.write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
    dataset = open_dataset(path, for_training=False)
    assert (dataset.train, dataset.labels) == ((), ("9", "10"))
    assert [(v.path.name, dataset.labels[v.label]) for v in dataset.test] == [("1.avi", "10"), ("3.avi", "9")]
    with pytest.raises(VidexplainError, match="has no train videos: say train or test in a column 'split'"):
        open_dataset(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("video,label\na,b\n", r"has no column 'path' \(its columns: video, label\)"),
        ("", r"has no column 'path' \(its columns: none\)"),
        ("path,label\n,wave\n", r"list\.csv, line 2: no path"),
        ("path,split\none/1.avi,val\n", r"line 2: the split is train or test, not 'val'"),
        ("path,label\none/1.avi,a\none/2.avi,\n", r"line 3: no label, though other rows have one"),
        (b"path,label\n\xff\xfe,x\n", "is not a list in plain text"),
        ("path\n", r"list\.csv has no videos$"),
        ("path,label\ngone.avi,x\n", r"list\.csv has no videos: 1 that it names is missing, such as \S+gone\.avi$"),
        ("path,label\none,1.avi,x\n", r"line 2: 3 values for 2 columns; a value with a comma needs quotation marks$"),
        ("path,label,label\none/1.avi,x,y\n", r"list\.csv has several columns 'label'$"),
        ("path,label\none/1.avi,x\none/2.avi,x\n./one/1.avi,y\n", r"line 4: \S+ is named twice, first in line 2$"),
        ("path,label,split\none/1.avi,x,train\none/1.avi,x,test\n", r"line 3: \S+ is named twice, first in line 2$"),
    ],
)
def test_a_list_that_cannot_be_understood_is_one_line(videos, text, says):
    path = videos / "list.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(VidexplainError, match=says) as raised:
        open_dataset(path, for_training=False)
    assert "\n" not in str(raised.value)


def test_spaces_around_the_names_of_columns_are_no_part_of_them(videos):
    (videos / "list.csv").write_text("path, label , split\none/1.avi, kick, train\ntwo/3.avi, wave, test\n")
    dataset = open_dataset(videos / "list.csv")
    assert (dataset.labels, len(dataset.train), len(dataset.test)) == (("kick", "wave"), 1, 1)


def test_what_is_no_parquet_is_one_line(videos):
    pytest.importorskip("pyarrow")
    (videos / "list.parquet").write_bytes(b"not parquet")
    with pytest.raises(VidexplainError, match=r"list\.parquet is not a Parquet file that can be read"):
        open_dataset(videos / "list.parquet")


def test_pyarrow_is_only_imported_for_parquet(videos):
    (videos / "list.csv").write_text("path\none/1.avi\n")
    script = (
        "import sys; from videxplain.data.datasets.open import open_dataset\n"
        "open_dataset(sys.argv[1], for_training=False); assert 'pyarrow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script, videos / "list.csv"], check=True)


def test_a_folder_of_videos_without_labels_is_for_looking_at(videos):
    folder = videos / "one"
    dataset = open_dataset(folder, for_training=False)
    assert (dataset.name, dataset.layout, dataset.labels, dataset.train) == ("one", "unlabelled", (), ())
    assert names(dataset.test) == ["one/1.avi", "one/2.avi"]
    assert {video.label for video in dataset.test} == {UNLABELLED}
    for use in (lambda: prepare(dataset, videos / "frames"), lambda: summarise(dataset)):
        with pytest.raises(VidexplainError, match=r"the videos of .*one have no labels"):
            use()
    with pytest.raises(VidexplainError, match=r"one is a folder of videos without labels: put them into one folder"):
        open_dataset(folder)


def test_only_the_published_classes_are_called_after_their_datasets(tmp_path):
    assert open_dataset(ucf101_tree(tmp_path / "mine", groups=3)).name == "mine"
    labels = ["ApplyEyeMakeup", *(f"Class{i:02d}" for i in range(99)), "YoYo"]
    dataset = open_dataset(ucf101_tree(tmp_path / "any", labels, groups=3, clips=1, frames=1))
    assert (dataset.name, dataset.layout) == ("ucf101", "ucf101")
